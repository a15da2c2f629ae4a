# apply for ex01.corp.example: memory-snapshot; see about.txt
$ErrorActionPreference = 'Stop'
$vm = Get-VM -Server 'vcenter.corp.example' -Id 'VirtualMachine-vm-1024'
if ($vm.PowerState -ne 'PoweredOn') { throw "$($vm.Name) is $($vm.PowerState), not PoweredOn: there is nothing to do" }
$snapshots = @(Get-Snapshot -VM $vm | Where-Object { $_.Name -eq 'ER-memory-ex01' })
if ($snapshots.Count) { throw 'there is a snapshot ER-memory-ex01 already: name another' }
New-Snapshot -VM $vm -Name 'ER-memory-ex01' -Description 'memory of ex01.corp.example for the examination; never go back to it' -Memory -Quiesce:$false
