# undo for ex01.corp.example: memory-snapshot; see about.txt
$ErrorActionPreference = 'Stop'
$vm = Get-VM -ComputerName 'hv01.corp.example' -Id '6d3e2f0a-41b7-4f6e-9c1d-0a5b7e8c9d10'
# The type of coming checkpoints goes back; the machine does not go back to the checkpoint.
Set-VM -VM $vm -CheckpointType Production
