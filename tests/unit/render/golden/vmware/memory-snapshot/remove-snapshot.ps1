# remove-snapshot for ex01.corp.example: memory-snapshot; see about.txt
# Deletes evidence: its memory is kept elsewhere, and the copy was opened. It asks first.
$ErrorActionPreference = 'Stop'
$vm = Get-VM -Server 'vcenter.corp.example' -Id 'VirtualMachine-vm-1024'
$snapshots = @(Get-Snapshot -VM $vm | Where-Object { $_.Name -eq 'ER-memory-ex01' })
if ($snapshots.Count -ne 1) { throw "ER-memory-ex01: $($snapshots.Count) snapshots have this name, not 1" }
Remove-Snapshot -Snapshot $snapshots[0] -Confirm:$true
