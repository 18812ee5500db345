// CryptoNight in its many variants.

// What the rules of this file are about: a program, whole or in pieces, or the memory of a process, where nothing lies at 0.
global private rule program
{
    condition:
        uint32(0) == 0x464c457f or not defined uint32(0)
}

rule cryptonight_miner
{
    meta:
        description = "a CryptoNight miner: variants, login or share, hash rate"
        marks = "4 of 14 variants, 1 of 4 messages to a pool, 1 of 6 reports of a hash rate"
        source = "xmrig/xmrig Algorithm.cpp, fireice-uk/xmr-stak jconf.cpp and jpsock.cpp, tpruvot/cpuminer-multi"
        false_alarms = "none is known; a proxy knows variants and messages and measures no hash rate by itself"
    strings:
        $a1 = "cryptonight-monerov7"
        $a2 = "cryptonight-bittube2"
        $a3 = "cryptonight_bittube2"
        $a4 = "cryptonight_haven"
        $a5 = "cryptonight_masari"
        $a6 = "cryptonight_superfast"
        $a7 = "cryptonight_v8_reversewaltz"
        $a8 = "cryptonight_v8_zelerius"
        $a9 = "cryptonight-heavy/xhv"
        $a10 = "cn-heavy/xhv"
        $a11 = "cn-pico/trtl"
        $a12 = "cryptonight-pico/tlo"
        $a13 = "cryptonight-aeonv7"
        $a14 = "cryptonight_lite_v7"
        $b1 = "\"login\": \"%s\", \"pass\": \"%s\", \"agent\": \"%s\"}, \"id\": 1}"
        $b2 = "{\"method\":\"login\",\"params\":{\"login\":\"%s\",\"pass\":\"%s\","
        $b3 = "{\"method\":\"submit\",\"params\":{\"id\":\"%s\",\"job_id\":\"%s\",\"nonce\":\"%s\","
        $b4 = ",\"jsonrpc\":\"2.0\",\"method\":\"keepalived\",\"params\":{\"id\":\"%s\"}}"
        $c1 = "| 10s H/s | 60s H/s | 15m H/s |"
        $c2 = "HASHRATE REPORT - "
        $c3 = " ID |    10s |    60s |    15m |"
        $c4 = "CPU #%d: %.2f H/s"
        $c5 = "accepted: %lu/%lu (%s), %s H/s %s"
        $c6 = "Total: %s H/s"
    condition:
        4 of ($a*) and 1 of ($b*) and 1 of ($c*)
}

rule cryptonight_gpu_kernel
{
    meta:
        description = "CryptoNight for GPUs, as OpenCL source text"
        marks = "2 of 6 kernels of the main loop, 3 of 4 kernels of the last hash"
        source = "xmrig/xmrig src/backend/opencl/cl/cn, fireice-uk/xmr-stak opencl/cryptonight.cl"
        false_alarms = "none is known"
    strings:
        $a1 = "__kernel void cn0("
        $a2 = "__kernel void cn1("
        $a3 = "__kernel void cn2("
        $a4 = "__kernel void JOIN(cn0,ALGO)("
        $a5 = "__kernel void JOIN(cn1,ALGO)"
        $a6 = "__kernel void JOIN(cn2,ALGO)"
        $b1 = "__kernel void Skein("
        $b2 = "__kernel void JH("
        $b3 = "__kernel void Blake("
        $b4 = "__kernel void Groestl("
    condition:
        2 of ($a*) and 3 of ($b*)
}

rule xmr_stak
{
    meta:
        description = "XMR-Stak or a fork of it"
        marks = "4 of 9 settings, 3 of 8 messages"
        source = "fireice-uk/xmr-stak jconf.cpp, executor.cpp, jpsock.cpp"
        false_alarms = "none is known"
    strings:
        $a1 = "pool_weight"
        $a2 = "use_nicehash"
        $a3 = "tls_secure_algo"
        $a4 = "h_print_time"
        $a5 = "giveup_limit"
        $a6 = "aes_override"
        $a7 = "use_slow_memory"
        $a8 = "print_motd"
        $a9 = "verbose_level"
        $b1 = "HASHRATE REPORT - "
        $b2 = "Share accepted. Pool: %s"
        $b3 = "Switching back to user pool."
        $b4 = "Dev pool connected. Logging in..."
        $b5 = "All pools are over give up limit. Exiting."
        $b6 = "PARSE error: Login protocol error 1"
        $b7 = "donate.xmr-stak.net:"
        $b8 = "Pool-side hashes : "
    condition:
        4 of ($a*) and 3 of ($b*)
}
