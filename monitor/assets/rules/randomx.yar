// RandomX, the proof of work of Monero and its kin. Nodes, wallets and P2Pool verify blocks with the same code, so the
// constants alone say nothing: a miner's own words must stand beside them.

// What the rules of this file are about: a program, whole or in pieces, or the memory of a process, where nothing lies at 0.
global private rule program
{
    condition:
        uint32(0) == 0x464c457f or not defined uint32(0)
}

rule randomx_miner
{
    meta:
        description = "RandomX with a miner's settings"
        marks = "3 of 14 constants of RandomX, 3 of 12 words of a miner"
        source = "tevador/RandomX src/aes_hash.cpp, xmrig/xmrig src/crypto/randomx and Config_platform.h, doktor83/SRBMiner-Multi, Tritonn204/tnn-miner"
        false_alarms = "none is known; nodes, wallets and P2Pool have the constants and not the words"
    strings:
        // AES_HASH_1R_STATE0 to 3, AES_HASH_1R_XKEY0 and 1
        $a1 = { 0d 2c b5 92 de 56 a8 9f 47 db 82 cc ad 3a 98 d7 }
        $a2 = { 6e 99 8d 33 98 b7 c7 15 5a 12 9e f5 57 80 e7 ac }
        $a3 = { 17 00 77 6a d0 c7 62 ae 6b 50 79 50 e4 7c a0 e8 }
        $a4 = { 0c 24 0a 63 8d 82 ad 07 05 00 a1 79 48 49 99 7e }
        $a5 = { 89 83 fa f6 9f 94 24 8b bf 56 dc 90 01 02 89 06 }
        $a6 = { d1 63 b2 61 3c e0 f4 51 c6 43 10 ee 9b f9 18 ed }
        // AES_GEN_1R_KEY0 to 3
        $a7 = { 53 a5 ac 6d 09 66 71 62 2b 55 b5 db 17 49 f4 b4 }
        $a8 = { 07 af 7c 6d 0d 71 6a 84 78 d3 25 17 4e dc a1 0d }
        $a9 = { f1 62 12 3f c6 7e 94 9f 4f 79 c0 f4 45 e3 20 3e }
        $a10 = { 35 81 ef 6a 7c 31 ba b1 88 4c 31 16 54 91 16 49 }
        // Wownero's own keys, and salts that only variants have
        $a11 = { 5d 46 90 f8 a6 e4 fb 7f b7 82 1f 14 95 9e 35 cf }
        $a12 = "RandomWOW\x01"
        $a13 = "RandomARQ\x01"
        $a14 = "RandomX-Graft\x01"
        $b1 = "cpu-max-threads-hint"
        $b2 = "randomx-1gb-pages"
        $b3 = "randomx-use-1gb-pages"
        $b4 = "huge-pages-jit"
        $b5 = "donate-over-proxy"
        $b6 = "pause-on-battery"
        $b7 = "scratchpad_prefetch_mode"
        $b8 = "/sys/module/msr/parameters/allow_writes"
        $b9 = ",\"jsonrpc\":\"2.0\",\"method\":\"keepalived\",\"params\":{\"id\":\"%s\"}}"
        $b10 = "cn-heavy/tube"
        $b11 = "rx-hugepages"
        $b12 = "donate.ssl.xmrig.com"
    condition:
        3 of ($a*) and 3 of ($b*)
}

rule randomx_gpu_kernel
{
    meta:
        description = "RandomX for GPUs, as OpenCL source text"
        marks = "4 of 7 kernels, 2 of 5 words of their text"
        source = "xmrig/xmrig src/backend/opencl/cl/rx"
        false_alarms = "none is known"
    strings:
        $a1 = "__kernel void fillAes_name("
        $a2 = "__kernel void hashAes1Rx4("
        $a3 = "__kernel void blake2b_initial_hash("
        $a4 = "__kernel void init_vm("
        $a5 = "__kernel void execute_vm("
        $a6 = "__kernel void randomx_jit("
        $a7 = "__kernel void find_shares("
        $b1 = "RANDOMX_FREQ_CFROUND"
        $b2 = "RANDOMX_SCRATCHPAD_L3"
        $b3 = "RANDOMX_PROGRAM_SIZE"
        $b4 = "RANDOMX_DATASET_BASE_SIZE"
        $b5 = "fillAes1Rx4_scratchpad"
    condition:
        4 of ($a*) and 2 of ($b*)
}
