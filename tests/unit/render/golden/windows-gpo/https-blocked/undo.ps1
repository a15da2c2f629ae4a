# undo for ex01.corp.example: https-blocked; see about.txt
# On a machine with the module GroupPolicy, outside the server; then gpupdate on the server.
$ErrorActionPreference = 'Stop'
$gpo = Get-GPO -Guid '31b2f340-016d-11d2-945f-00c04fb984f9' -Domain 'corp.example' -Server 'dc01.corp.example'
if ($gpo.DisplayName -ne 'ER-443-EX01') { throw "31b2f340-016d-11d2-945f-00c04fb984f9 is $($gpo.DisplayName), not ER-443-EX01: correct the Id" }
# The whole object is ours; with it go its rules and its links in this domain.
Remove-GPO -Guid '31b2f340-016d-11d2-945f-00c04fb984f9' -Domain 'corp.example' -Server 'dc01.corp.example'
