# verify for ex01.corp.example: disconnected; see about.txt
set -eu
aws ec2 describe-network-interfaces --region eu-central-1 --filters Name=attachment.instance-id,Values=i-0123456789abcdef0 --query "NetworkInterfaces[].join('/', [NetworkInterfaceId, Groups[].GroupId][])" --output json
aws ec2 describe-security-groups --region eu-central-1 --filters Name=vpc-id,Values=vpc-0123456789abcdef0 Name=group-name,Values=ER-EX01 --output json
