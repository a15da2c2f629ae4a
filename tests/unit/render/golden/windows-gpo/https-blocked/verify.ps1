# verify for ex01.corp.example: https-blocked; see about.txt
# On the server itself, after gpupdate: what counts there, of policies and of the server's own.
Get-NetFirewallProfile -PolicyStore ActiveStore | Format-List -Property Name, Enabled, DefaultInboundAction, DefaultOutboundAction, AllowInboundRules, DisabledInterfaceAliases
# None of these may be there: they let traffic past a block rule.
Get-NetFirewallSecurityFilter -PolicyStore ActiveStore | Where-Object { $_.OverrideBlockRules } | Format-List
# Before apply there is none of these; afterwards 2.
$rules = @(Get-NetFirewallRule -PolicyStore ActiveStore | Where-Object { $_.Name -like 'ER-443-EX01-*' })
$rules | Format-List -Property Name, Direction, Action, Enabled, PrimaryStatus, EnforcementStatus
foreach ($rule in $rules) {
    Get-NetFirewallAddressFilter -AssociatedNetFirewallRule $rule | Format-List -Property RemoteAddress
    Get-NetFirewallPortFilter -AssociatedNetFirewallRule $rule | Format-List -Property Protocol, LocalPort
}
