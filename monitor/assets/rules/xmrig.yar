// XMRig, its forks, and configurations for it that were built into a program.

// What the rules of this file are about: a program, whole or in pieces, or the memory of a process, where nothing lies at 0.
global private rule program
{
    condition:
        uint32(0) == 0x464c457f or not defined uint32(0)
}

rule xmrig
{
    meta:
        description = "XMRig or a fork of it"
        marks = "5 of 15 settings, 3 of 9 inner strings"
        source = "xmrig/xmrig src/core/config/Config_platform.h, src/base/net/stratum, src/backend/cpu/CpuBackend.cpp, src/hw/msr/Msr_linux.cpp"
        false_alarms = "none is known; xmrig-proxy has the pool's side of the strings and not the processor's settings"
    strings:
        $a1 = "cpu-max-threads-hint"
        $a2 = "huge-pages-jit"
        $a3 = "hugepages-jit"
        $a4 = "randomx-1gb-pages"
        $a5 = "randomx-wrmsr"
        $a6 = "randomx-no-rdmsr"
        $a7 = "randomx-cache-qos"
        $a8 = "cpu-memory-pool"
        $a9 = "cpu-no-yield"
        $a10 = "argon2-impl"
        $a11 = "pause-on-battery"
        $a12 = "pause-on-active"
        $a13 = "health-print-time"
        $a14 = "cuda-bfactor-hint"
        $a15 = "scratchpad_prefetch_mode"
        $b1 = "| AFFINITY | 10s H/s | 60s H/s | 15m H/s |"
        $b2 = "/2/backends"
        $b3 = ",\"jsonrpc\":\"2.0\",\"method\":\"keepalived\",\"params\":{\"id\":\"%s\"}}"
        $b4 = "json-minimal-chain_main"
        $b5 = "X-Hash-Difficulty"
        $b6 = "/hugepages/hugepages-{}kB/{}_hugepages"
        $b7 = "modprobe msr allow_writes=on"
        $b8 = "try https://xmrig.com/wizard"
        $b9 = "/sys/module/msr/parameters/allow_writes"
    condition:
        5 of ($a*) and 3 of ($b*)
}

rule miner_configuration
{
    meta:
        description = "a miner's configuration with its pool, built into a program"
        marks = "4 of 8 keys with a value, 1 of 1 address of a pool"
        source = "xmrig/xmrig src/config.json"
        false_alarms = "a program that writes XMRig's configuration, as managers of mining rigs do"
    strings:
        $a1 = /"donate-level"\s{0,4}:\s{0,4}[0-9]/
        $a2 = /"donate-over-proxy"\s{0,4}:\s{0,4}[0-9]/
        $a3 = /"huge-pages-jit"\s{0,4}:\s{0,4}(true|false)/
        $a4 = /"max-threads-hint"\s{0,4}:\s{0,4}[0-9]/
        $a5 = /"rig-id"\s{0,4}:\s{0,4}["n]/
        $a6 = /"randomx"\s{0,4}:\s{0,4}\{/
        $a7 = /"pause-on-battery"\s{0,4}:\s{0,4}(true|false)/
        $a8 = /"tls-fingerprint"\s{0,4}:\s{0,4}["n]/
        $b1 = /"url"\s{0,4}:\s{0,4}"[a-z0-9+:\/.-]{4,200}:[0-9]{2,5}"/
    condition:
        4 of ($a*) and 1 of ($b*)
}
