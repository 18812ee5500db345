// Ethash, ProgPoW and KawPow: the work is done by GPUs. Nodes verify Ethash too, on the processor and without kernels.

// What the rules of this file are about: a program, whole or in pieces, or the memory of a process, where nothing lies at 0.
global private rule program
{
    condition:
        uint32(0) == 0x464c457f or not defined uint32(0)
}

rule ethminer
{
    meta:
        description = "ethminer or a fork of it, as kawpowminer"
        marks = "3 of 7 messages, 2 of 5 words for a pool"
        source = "ethereum-mining/ethminer EthStratumClient.cpp, PoolManager.cpp, RavenCommunity/kawpowminer"
        false_alarms = "none is known"
    strings:
        $a1 = "Stratum mode : EthereumStratum/1.0.0 (NiceHash)"
        $a2 = "Stratum mode : Eth-Proxy compatible"
        $a3 = "Negotiation of EthereumStratum/2.0.0 failed. "
        $a4 = "Got mining.notify before mining.set message. Discarding ..."
        $a5 = "Spinning up miners..."
        $a6 = "Solution not submitted. Not authorized."
        $a7 = "Got invalid or missing session id. Disconnecting ... "
        $b1 = "eth_submitLogin"
        $b2 = "eth_submitHashrate"
        $b3 = "eth_submitWork"
        $b4 = "mining.extranonce.subscribe"
        $b5 = "mining.authorize"
    condition:
        3 of ($a*) and 2 of ($b*)
}

rule ethash_gpu_miner
{
    meta:
        description = "Ethash for GPUs with a client for pools"
        marks = "2 of 6 kernels and their constants, 3 of 7 words for a pool, 1 of 7 calls of a GPU's library"
        source = "ethereum-mining/ethminer libethash-cl and libethash-cuda, xmrig/xmrig kawpow_dag.cl, nicehash/Specifications"
        false_alarms = "none is known; an Ethereum node has the words and neither kernels nor a GPU"
    strings:
        $a1 = "ethash_calculate_dag_item"
        $a2 = "ethash_search"
        $a3 = "GenerateDAG"
        $a4 = "ethash_generate_dag"
        $a5 = "Keccak_f1600_RC"
        $a6 = "ETHASH_DATASET_PARENTS"
        $b1 = "eth_submitLogin"
        $b2 = "eth_submitHashrate"
        $b3 = "mining.subscribe"
        $b4 = "mining.authorize"
        $b5 = "mining.submit"
        $b6 = "EthereumStratum/1.0.0"
        $b7 = "daggerhashimoto"
        $c1 = "clBuildProgram"
        $c2 = "libOpenCL.so"
        $c3 = "-cl-nv-maxrregcount"
        $c4 = "cuModuleLoadData"
        $c5 = "cudaMalloc"
        $c6 = "libnvidia-ml.so"
        $c7 = "nvmlDeviceGetTemperature"
    condition:
        2 of ($a*) and 3 of ($b*) and 1 of ($c*)
}

rule progpow_gpu_miner
{
    meta:
        description = "ProgPoW or KawPow for GPUs with a client for pools"
        marks = "3 of 8 words of the kernel, 2 of 5 words for a pool, 1 of 7 calls of a GPU's library"
        source = "RavenCommunity/kawpowminer libprogpow/ProgPow.cpp, xmrig/xmrig kawpow.cl"
        false_alarms = "none is known; Ravencoin's node verifies on the processor and speaks to no pool"
    strings:
        $a1 = "progpow_search"
        $a2 = "progPowLoop"
        $a3 = "PROGPOW_CACHE_WORDS"
        $a4 = "PROGPOW_DAG_LOADS"
        $a5 = "PROGPOW_DAG_ELEMENTS"
        $a6 = "PROGPOW_CNT_MATH"
        $a7 = "ravencoin_rndc"
        $a8 = "keccakf_rndc"
        $b1 = "mining.subscribe"
        $b2 = "mining.authorize"
        $b3 = "mining.submit"
        $b4 = "EthereumStratum/1.0.0"
        $b5 = "eth_submitHashrate"
        $c1 = "clBuildProgram"
        $c2 = "libOpenCL.so"
        $c3 = "-cl-nv-maxrregcount"
        $c4 = "cuModuleLoadData"
        $c5 = "cudaMalloc"
        $c6 = "libnvidia-ml.so"
        $c7 = "nvmlDeviceGetTemperature"
    condition:
        3 of ($a*) and 2 of ($b*) and 1 of ($c*)
}
