# SPDX-License-Identifier: GPL-3.0-or-later
# The disk image of a job: attached while setup.exe of the image runs. The Storage module works through
# WMI, which Exchange setup stops: it is asked before setup starts and after it has ended, never meanwhile.

function Test-JobImage {
    param ([string]$File)
    $File -match '\.iso\z'
}

function Assert-ImageSupport {
    # Windows Server 2012 brought the Storage module.
    if (-not (Get-Command -Name 'Mount-DiskImage' -CommandType Cmdlet, Function -ErrorAction SilentlyContinue)) {
        Stop-Operation 'RequestInvalid' 'ImageUnsupported' 'this Windows cannot attach disk images, Server 2012 and later can; run setup.exe of this cumulative update by hand'
    }
}

function Mount-JobImage {
    # True: nothing to attach, or attached, with the drive in the state. Else the state says why not.
    param ($Job, $State)
    if (-not (Test-JobImage $Job.file)) {
        return $true
    }
    $State['reason'] = 'image'
    for ($try = 1; $try -le 3; $try++) {
        # Attached twice, an image answers with its first drive: what is there already goes first.
        $State['message'] = Dismount-JobImage $Job.file
        if (-not $State['message']) {
            try {
                $null = Mount-DiskImage -ImagePath $Job.file -StorageType ISO -Access ReadOnly
                $State['image'] = Wait-ImageDrive $Job.file
                if (-not $State['image']) {
                    $State['message'] = 'Windows gave the image no drive letter'
                } elseif ([IO.File]::Exists("$($State['image'])\setup.exe")) {
                    return $true
                } else {
                    $State['message'] = 'there is no setup.exe at the root of the image'
                    break
                }
            } catch {
                $State['message'] = [string]$_.Exception.GetBaseException().Message
            }
        }
    }
    Clear-JobImage $Job $State
    $false
}

function Wait-ImageDrive {
    # The letter comes after the image, sometimes seconds later; now and then there is none.
    param ([string]$File)
    for ($try = 1; $try -le 15; $try++) {
        foreach ($volume in @(Get-DiskImage -ImagePath $File | Get-Volume)) {
            if ([string]$volume.DriveLetter -match '\A[A-Za-z]\z') {
                return "$($volume.DriveLetter):"
            }
        }
        Start-Sleep -Seconds 1
    }
}

function Dismount-JobImage {
    # Why the image is still attached; null when it is not.
    param ([string]$File)
    try {
        for ($try = 1; (Get-DiskImage -ImagePath $File).Attached; $try++) {
            if ($try -gt 5) {
                return 'the image is attached already and does not go'
            }
            $null = Dismount-DiskImage -ImagePath $File
        }
    } catch {
        [string]$_.Exception.GetBaseException().Message
    }
}

function Clear-JobImage {
    # Setup may have left WMI disabled: then the image stays until Windows restarts, and nothing else is wrong.
    param ($Job, $State)
    if ((Test-JobImage $Job.file) -and -not (Dismount-JobImage $Job.file)) {
        $State['image'] = $null
    }
}

function Wait-ImageProgram {
    # setup.exe may hand over to ExSetup.exe and end: as long as that is at work, so is the job.
    param ([string]$Folder, $Job, $State, $Process)
    $mark = ''
    while ($State['image'] -and @(Get-Process -Name 'ExSetup', 'ExSetupUI' -ErrorAction SilentlyContinue).Count -gt 0) {
        $State['finished'] = $null
        Start-Sleep -Seconds 15
        $mark = Update-JobState $Folder $Job $State $Process $mark
    }
}
