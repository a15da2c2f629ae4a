# undo for ex01.corp.example: disconnected; see about.txt
set -eu
aws ec2 modify-network-interface-attribute --region eu-central-1 --network-interface-id eni-0123456789abcdef0 --groups sg-0123456789abcdef1 sg-0123456789abcdef2
aws ec2 modify-network-interface-attribute --region eu-central-1 --network-interface-id eni-0123456789abcdef3 --groups sg-0123456789abcdef1
group=$(aws ec2 describe-security-groups --region eu-central-1 --filters Name=vpc-id,Values=vpc-0123456789abcdef0 Name=group-name,Values=ER-EX01 --query 'SecurityGroups[0].GroupId' --output text)
aws ec2 delete-security-group --region eu-central-1 --group-id "$group"
