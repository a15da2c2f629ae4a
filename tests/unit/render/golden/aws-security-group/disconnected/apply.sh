# apply for ex01.corp.example: disconnected; see about.txt
set -eu
group=$(aws ec2 create-security-group --region eu-central-1 --vpc-id vpc-0123456789abcdef0 --group-name ER-EX01 --description ER-EX01 --query GroupId --output text)
rules=$(aws ec2 describe-security-group-rules --region eu-central-1 --filters "Name=group-id,Values=$group" --query 'SecurityGroupRules[?IsEgress].SecurityGroupRuleId' --output text)
aws ec2 revoke-security-group-egress --region eu-central-1 --group-id "$group" --security-group-rule-ids $rules
aws ec2 authorize-security-group-ingress --region eu-central-1 --group-id "$group" --ip-permissions '[{"IpProtocol":"-1","IpRanges":[{"CidrIp":"198.51.100.0/28"},{"CidrIp":"203.0.113.7/32"}],"Ipv6Ranges":[{"CidrIpv6":"2001:db8:1::/64"}]}]'
aws ec2 authorize-security-group-egress --region eu-central-1 --group-id "$group" --ip-permissions '[{"IpProtocol":"-1","IpRanges":[{"CidrIp":"198.51.100.0/28"},{"CidrIp":"203.0.113.7/32"}],"Ipv6Ranges":[{"CidrIpv6":"2001:db8:1::/64"}]}]'
aws ec2 modify-network-interface-attribute --region eu-central-1 --network-interface-id eni-0123456789abcdef0 --groups "$group"
aws ec2 modify-network-interface-attribute --region eu-central-1 --network-interface-id eni-0123456789abcdef3 --groups "$group"
