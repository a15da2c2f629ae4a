# SPDX-License-Identifier: GPL-3.0-or-later
# The fence around every change: only the present holder of the host lock gets through (I16).

function Get-LockTicket {
    # What the holder of a lock sends with each change: which acquisition of which life of its run.
    param ($Lock)
    '{0}-{1}' -f $Lock['token'], $Lock['life']
}

function Stop-LockLost {
    # The ticket is of an acquisition that is over: says who has the host now, or had it last.
    param ($Ticket, $Lock)
    $last = $Lock
    if (-not $last) {
        $last = Read-LockHistory
    }
    $message = "the lock of ticket '$Ticket' is lost, nobody holds the host now"
    if ($Lock) {
        $message = "the lock of ticket '{0}' is lost: the host is in the hands of '{1}' (run {2}) since {3}, for: {4}" -f $Ticket, $Lock['owner'], $Lock['run'], $Lock['acquired'], $Lock['purpose']
    } elseif ($last -and -not (Test-SameText (Get-LockTicket $last) $Ticket)) {
        $message = "the lock of ticket '{0}' is lost: '{1}' (run {2}) took the host over at {3} and gave it back" -f $Ticket, $last['owner'], $last['run'], $last['acquired']
    }
    Stop-Operation 'Locked' 'LockLost' "$message. Change nothing more, look at the host, run again" $last
}

function Assert-LockTicket {
    # The lock of this ticket, or a failure. Call it in the guard.
    param ($Ticket)
    $lock = Read-HostLock
    if ($lock -and $Ticket -and (Test-SameText $Ticket (Get-LockTicket $lock))) {
        return $lock
    }
    if ($Ticket) {
        Stop-LockLost $Ticket $lock
    }
    if ($lock) {
        Stop-Locked $lock
    }
    Stop-Operation 'Locked' 'LockNotHeld' 'no lock is held on this host; take it with Lock-Host before changing anything'
}

function Assert-ChangeAllowed {
    # Ahead of every change but those of the lock itself. Its key is marked as started by now, and
    # whoever wants the lock looks for such marks in the guard: so he either finds this change at work
    # and waits, or has taken the lock before this look at it. A change without a key has no such mark.
    param ($Request, $Parameters)
    if ($Parameters['check'] -is [ValueType] -and $Parameters['check']) {
        return
    }
    if ($null -eq $Request.key) {
        Stop-Operation 'RequestInvalid' 'KeyMissing' 'a change needs a key'
    }
    $script:HeldLock = Use-LockGuard { Assert-LockTicket $Request.lock }
}

function Invoke-ChangeOperation {
    # Runs an operation that changes the host: once for its key, and only for the holder of the lock.
    param ($Request)
    Invoke-KeyedOperation $Request { param ($Parameters) Assert-ChangeAllowed $Request $Parameters }
}
