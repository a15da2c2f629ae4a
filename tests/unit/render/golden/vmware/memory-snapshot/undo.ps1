# undo for ex01.corp.example: memory-snapshot; see about.txt
# The copy changed nothing of the machine, so nothing is taken back; no way leads back to the snapshot.
# remove-snapshot deletes it, once its memory is kept elsewhere. This shows what there is.
$ErrorActionPreference = 'Stop'
$vm = Get-VM -Server 'vcenter.corp.example' -Id 'VirtualMachine-vm-1024'
Get-Snapshot -VM $vm | Format-List -Property Name, Id, Created, PowerState, Description
