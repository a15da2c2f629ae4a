# verify for ex01.corp.example: memory-snapshot; see about.txt
$ErrorActionPreference = 'Stop'
$vm = Get-VM -Server 'vcenter.corp.example' -Id 'VirtualMachine-vm-1024'
$vm | Format-List -Property Name, Id, PowerState
Get-NetworkAdapter -VM $vm | Format-List -Property Name, Id, MacAddress, NetworkName, ConnectionState
Get-Snapshot -VM $vm | Format-List -Property Name, Id, Created, PowerState, Description
