# apply for ex01.corp.example: disconnected; see about.txt
# On a machine with the modules GroupPolicy and NetSecurity, outside the server.
$ErrorActionPreference = 'Stop'
$gpo = New-GPO -Name 'ER-CUT-EX01' -Domain 'corp.example' -Server 'dc01.corp.example' -Comment 'disconnected of ex01.corp.example'
# undo needs this Id as recorded_gpo.
$gpo | Format-List -Property DisplayName, Id
# It holds for this computer alone. Everybody may still read it, or it is not applied at all.
Set-GPPermission -Guid $gpo.Id -DomainName 'corp.example' -Server 'dc01.corp.example' -TargetName 'EX01' -TargetType Computer -PermissionLevel GpoApply
Set-GPPermission -Guid $gpo.Id -DomainName 'corp.example' -Server 'dc01.corp.example' -TargetName 'Authenticated Users' -TargetType Group -PermissionLevel GpoRead -Replace
# Everybody but the networks that stay.
$others = @(
    '1.0.0.0-126.255.255.255',
    '128.0.0.0-198.51.99.255',
    '198.51.100.16-203.0.113.4',
    '203.0.113.6-223.255.255.255',
    '::2-2001:db8:0:ffff:ffff:ffff:ffff:ffff',
    '2001:db8:1:1::-feff:ffff:ffff:ffff:ffff:ffff:ffff:ffff'
)
$session = Open-NetGPO -PolicyStore 'corp.example\ER-CUT-EX01' -DomainController 'dc01.corp.example'
New-NetFirewallRule -GPOSession $session -Name 'ER-CUT-EX01-Inbound-TCP' -DisplayName 'ER-CUT-EX01 Inbound TCP' -Direction Inbound -Action Block -Enabled True -Profile Any -Protocol TCP -RemoteAddress $others
New-NetFirewallRule -GPOSession $session -Name 'ER-CUT-EX01-Inbound-UDP' -DisplayName 'ER-CUT-EX01 Inbound UDP' -Direction Inbound -Action Block -Enabled True -Profile Any -Protocol UDP -LocalPort '0-67', '69-545', '547-65535' -RemoteAddress $others
New-NetFirewallRule -GPOSession $session -Name 'ER-CUT-EX01-Outbound-TCP' -DisplayName 'ER-CUT-EX01 Outbound TCP' -Direction Outbound -Action Block -Enabled True -Profile Any -Protocol TCP -RemoteAddress $others
New-NetFirewallRule -GPOSession $session -Name 'ER-CUT-EX01-Outbound-UDP' -DisplayName 'ER-CUT-EX01 Outbound UDP' -Direction Outbound -Action Block -Enabled True -Profile Any -Protocol UDP -LocalPort '0-67', '69-545', '547-65535' -RemoteAddress $others
Save-NetGPO -GPOSession $session
# Linked last: until here nothing was in force anywhere.
New-GPLink -Guid $gpo.Id -Domain 'corp.example' -Server 'dc01.corp.example' -Target 'OU=Mail Servers,OU=Servers,DC=corp,DC=example' -LinkEnabled Yes
