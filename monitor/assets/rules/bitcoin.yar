// Miners of the Bitcoin family: SHA-256d, scrypt and what was built on their programs, and any client for pools that
// prints a hash rate.

// What the rules of this file are about: a program, whole or in pieces, or the memory of a process, where nothing lies at 0.
global private rule program
{
    condition:
        uint32(0) == 0x464c457f or not defined uint32(0)
}

rule cpuminer
{
    meta:
        description = "cpuminer (minerd) or a relative: cpuminer-multi, cpuminer-opt"
        marks = "3 of 9 messages, 2 of 5 requests, 1 of 7 reports of a hash rate"
        source = "pooler/cpuminer, tpruvot/cpuminer-multi, JayDDee/cpuminer-opt: cpu-miner.c, util.c"
        false_alarms = "none is known"
    strings:
        $a1 = "Stratum notify: invalid Merkle branch"
        $a2 = "Stratum notify: invalid parameters"
        $a3 = "Stratum session id: %s"
        $a4 = "Stratum authentication failed"
        $a5 = "stratum_recv_line failed to parse a newline-terminated string"
        $a6 = "workio thread dead, exiting."
        $a7 = "...terminating workio thread"
        $a8 = "submit_upstream_work stratum_send_line failed"
        $a9 = "hash > target (false positive)"
        $b1 = "{\"id\": 1, \"method\": \"mining.subscribe\", \"params\": ["
        $b2 = "{\"id\": 2, \"method\": \"mining.authorize\", \"params\": [\"%s\", \"%s\"]}"
        $b3 = "{\"method\": \"mining.submit\", \"params\": [\""
        $b4 = "{\"method\": \"getwork\", \"params\": "
        $b5 = "X-Mining-Extensions: "
        $c1 = "thread %d: %lu hashes, %s khash/s"
        $c2 = "Total: %s khash/s"
        $c3 = "accepted: %lu/%lu ("
        $c4 = "CPU #%d: %s kH/s"
        $c5 = "%d miner threads started, "
        $c6 = "miner threads started using '%s' algorithm"
        $c7 = "Thread %d, CPU %d: %s %sh/s"
    condition:
        3 of ($a*) and 2 of ($b*) and 1 of ($c*)
}

rule ccminer
{
    meta:
        description = "ccminer or a fork of it"
        marks = "3 of 8 messages about GPUs and pools, 2 of 5 requests"
        source = "tpruvot/ccminer, monkins1010/ccminer: ccminer.cpp, util.cpp"
        false_alarms = "none is known"
    strings:
        $a1 = "Binding process to cpu mask %x"
        $a2 = "Adding %u threads to intensity %u, %u cuda threads"
        $a3 = "No CUDA devices found! terminating."
        $a4 = "NVML GPU monitoring enabled."
        $a5 = "Pool mining timeout of %ds reached, rotate..."
        $a6 = "Non-existant CUDA device #%d specified in -d option"
        $a7 = "stratum time is at least %ds in the future"
        $a8 = "work retrieval failed, exiting mining thread %d"
        $b1 = "{\"id\": 1, \"method\": \"mining.subscribe\", \"params\": ["
        $b2 = "{\"id\": 2, \"method\": \"mining.authorize\", \"params\": [\"%s\", \"%s\"]}"
        $b3 = "{\"id\": 3, \"method\": \"mining.extranonce.subscribe\", \"params\": []}"
        $b4 = "{\"method\": \"mining.submit\", \"params\": [\""
        $b5 = "X-Mining-Extensions: "
    condition:
        3 of ($a*) and 2 of ($b*)
}

rule cgminer
{
    meta:
        description = "cgminer or a relative: bfgminer, sgminer, the firmware of mining machines"
        marks = "3 of 7 messages about pools, 2 of 7 reports"
        source = "ckolivas/cgminer cgminer.c and util.c, luke-jr/bfgminer miner.c and util.c"
        false_alarms = "none is known"
    strings:
        $a1 = "Pool %d confirmed mining.subscribe with extranonce1 %s extran2size %d"
        $a2 = "Stratum authorisation success for pool %d"
        $a3 = "Failed to get sessionid in initiate_stratum"
        $a4 = "Failed to resume stratum, trying afresh"
        $a5 = "Initiate stratum failed"
        $a6 = "Closing socket for stratum pool %d"
        $a7 = "Timed out waiting for response in initiate_stratum"
        $b1 = " Accepted difficulty shares: %1.f"
        $b2 = " Rejected difficulty shares: %1.f"
        $b3 = "Idle for more than 60 seconds, declaring SICK!"
        $b4 = "Not responded for more than 10 minutes, declaring DEAD!"
        $b5 = " Stale submissions discarded due to new blocks: %d"
        $b6 = "X-Mining-Extensions: longpoll midstate rollntime submitold"
        $b7 = " Unable to get work from server occasions: %d"
    condition:
        3 of ($a*) and 2 of ($b*)
}

rule stratum_miner
{
    meta:
        description = "a client of Stratum pools that submits shares and prints its hash rate"
        marks = "2 of 3 requests, 2 of 4 messages of a pool, 1 of 2 reports of a hash rate, 2 of 5 words about shares"
        source = "slushpool/stratumprotocol; requests as in cpuminer, ccminer, nheqminer, cgminer"
        false_alarms = "a tester or benchmark of pools that reports a hash rate"
    strings:
        $a1 = /"id": {0,1}(%d|%u|%i|%s|[0-9]), {0,1}"method": {0,1}"mining\.subscribe", {0,1}"params": {0,1}\[/
        $a2 = /"id": {0,1}(%d|%u|%i|%s|[0-9]), {0,1}"method": {0,1}"mining\.authorize", {0,1}"params": {0,1}\[/
        $a3 = /"method": {0,1}"mining\.submit", {0,1}"params": {0,1}\["/
        $b1 = "mining.notify"
        $b2 = "mining.set_difficulty"
        $b3 = "mining.set_extranonce"
        $b4 = "client.reconnect"
        $c1 = /%[0-9.]{0,4}l{0,2}[fsgud] {0,1}%{0,1}[sc]{0,1}[kKMGT]{0,1}(h|H|hash|Hash)\/s/
        $c2 = /\{[:.0-9]{0,5}\} {0,1}[kKMGT]{0,1}[hH]\/s/
        $d1 = /[Ss]hares? (was )?accepted/
        $d2 = /[Ss]hares? (was )?rejected/
        $d3 = /[Aa]ccepted shares?/
        $d4 = /[Rr]ejected shares?/
        $d5 = "reject reason: "
    condition:
        2 of ($a*) and 2 of ($b*) and 1 of ($c*) and 2 of ($d*)
}
