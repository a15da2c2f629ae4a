# verify for ex01.corp.example: paused; see about.txt
$ErrorActionPreference = 'Stop'
$vm = Get-VM -Server 'vcenter.corp.example' -Id 'VirtualMachine-vm-1024'
$vm | Format-List -Property Name, Id, PowerState
Get-NetworkAdapter -VM $vm | Format-List -Property Name, Id, MacAddress, NetworkName, ConnectionState
