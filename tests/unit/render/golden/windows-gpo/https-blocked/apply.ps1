# apply for ex01.corp.example: https-blocked; see about.txt
# On a machine with the modules GroupPolicy and NetSecurity, outside the server.
$ErrorActionPreference = 'Stop'
$gpo = New-GPO -Name 'ER-443-EX01' -Domain 'corp.example' -Server 'dc01.corp.example' -Comment 'https-blocked of ex01.corp.example'
# undo needs this Id as recorded_gpo.
$gpo | Format-List -Property DisplayName, Id
# It holds for this computer alone. Everybody may still read it, or it is not applied at all.
Set-GPPermission -Guid $gpo.Id -DomainName 'corp.example' -Server 'dc01.corp.example' -TargetName 'EX01' -TargetType Computer -PermissionLevel GpoApply
Set-GPPermission -Guid $gpo.Id -DomainName 'corp.example' -Server 'dc01.corp.example' -TargetName 'Authentifizierte Benutzer' -TargetType Group -PermissionLevel GpoRead -Replace
# Everybody but the networks that stay.
$others = @(
    '1.0.0.0-9.255.255.255',
    '11.0.0.0-126.255.255.255',
    '128.0.0.0-172.15.255.255',
    '172.32.0.0-223.255.255.255',
    '::2-feff:ffff:ffff:ffff:ffff:ffff:ffff:ffff'
)
$session = Open-NetGPO -PolicyStore 'corp.example\ER-443-EX01' -DomainController 'dc01.corp.example'
New-NetFirewallRule -GPOSession $session -Name 'ER-443-EX01-Inbound-TCP' -DisplayName 'ER-443-EX01 Inbound TCP' -Direction Inbound -Action Block -Enabled True -Profile Any -Protocol TCP -LocalPort '443' -RemoteAddress $others
New-NetFirewallRule -GPOSession $session -Name 'ER-443-EX01-Inbound-UDP' -DisplayName 'ER-443-EX01 Inbound UDP' -Direction Inbound -Action Block -Enabled True -Profile Any -Protocol UDP -LocalPort '443' -RemoteAddress $others
Save-NetGPO -GPOSession $session
# Linked last: until here nothing was in force anywhere.
New-GPLink -Guid $gpo.Id -Domain 'corp.example' -Server 'dc01.corp.example' -Target 'OU=Exchange,DC=corp,DC=example' -LinkEnabled Yes
