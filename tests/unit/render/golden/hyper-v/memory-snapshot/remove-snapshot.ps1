# remove-snapshot for ex01.corp.example: memory-snapshot; see about.txt
# Deletes evidence: its memory is kept elsewhere, and the copy was opened. It asks first.
$ErrorActionPreference = 'Stop'
$vm = Get-VM -ComputerName 'hv01.corp.example' -Id '6d3e2f0a-41b7-4f6e-9c1d-0a5b7e8c9d10'
$snapshots = @(Get-VMSnapshot -VM $vm | Where-Object { $_.Name -eq 'ER-memory-ex01' })
if ($snapshots.Count -ne 1) { throw "ER-memory-ex01: $($snapshots.Count) checkpoints have this name, not 1" }
Remove-VMSnapshot -VMSnapshot $snapshots[0] -Confirm:$true
