// Miners of one coin or one algorithm.

// What the rules of this file are about: a program, whole or in pieces, or the memory of a process, where nothing lies at 0.
global private rule program
{
    condition:
        uint32(0) == 0x464c457f or not defined uint32(0)
}

rule verus_miner
{
    meta:
        description = "VerusHash with a client for pools"
        marks = "2 of 4 constants of Haraka, 3 of 7 words of a client"
        source = "monkins1010/ccminer verus/haraka.c and equi/equi-stratum.cpp, Tritonn204/tnn-miner"
        false_alarms = "none is known; signatures built on Haraka and Verus's node have the constants alone"
    strings:
        $a1 = { 9d 7b 81 75 f0 fe c5 b2 0a c0 20 e6 4c 70 84 06 }
        $a2 = { 17 f7 08 2f a4 6b 0f 64 6b a0 f3 88 e1 b4 66 8b }
        $a3 = { 14 91 02 9f 60 9d 02 cf 98 84 f2 53 2d de 02 34 }
        $a4 = { 79 4f 5b fd af bc f3 bb 08 4f 7b 2e e6 ea d6 0e }
        $b1 = "Stratum notify: invalid parameters"
        $b2 = "{\"method\":\"mining.submit\",\"params\":"
        $b3 = "equihash %s block %u"
        $b4 = "accepted: %lu/%lu ("
        $b5 = "mining.set_target"
        $b6 = "stratum+tcp://"
        $b7 = "mining.subscribe"
    condition:
        2 of ($a*) and 3 of ($b*)
}

rule kheavyhash_miner
{
    meta:
        description = "kHeavyHash (Kaspa and kin) with a miner's settings"
        marks = "2 of 4 constants of kHeavyHash, 3 of 8 words of a miner"
        source = "tmrlvi/kaspa-miner src/pow/hasher.rs, src/client/stratum.rs, src/cli.rs, plugins/opencl"
        false_alarms = "none is known; a Kaspa node and its bridge for pools have the constants and not the words"
    strings:
        // cSHAKE256("ProofOfWorkHash") and cSHAKE256("HeavyHash"), first two words, in memory and as source text
        $a1 = { 3d d8 f6 a1 0d ff 3c 11 3c 7e 02 b7 55 88 bf 29 }
        $a2 = { 09 85 24 b2 52 4c d7 3a 16 42 9f 2f 0e 9b 62 79 }
        $a3 = "0x113cff0da1f6d83d"
        $a4 = "0x3ad74c52b2248509"
        $b1 = "Mining to devfund"
        $b2 = "devfund-percent"
        $b3 = "mine-when-not-synced"
        $b4 = "Current hashrate is"
        $b5 = "Workers stalled or crashed. Considered reducing workload"
        $b6 = "GPU thread crashed: "
        $b7 = "Low difficulty share (Job id: "
        $b8 = "mining.submit_hashrate"
    condition:
        2 of ($a*) and 3 of ($b*)
}

rule autolykos_miner
{
    meta:
        description = "Autolykos (Ergo) for GPUs"
        marks = "3 of 6 messages about work, 2 of 5 messages about a node"
        source = "mhssamadani/Autolykos2_NV_Miner secp256k1/src/autolykos.cu, request.cc"
        false_alarms = "none is known"
    strings:
        $a1 = "Starting InitMining"
        $a2 = "Starting main BlockMining procedure"
        $a3 = "Starting prehashing with new block data"
        $a4 = "Some GPU found and trying to POST a share: "
        $a5 = "Not enough GPU memory for mining,"
        $a6 = "Average hashrates: "
        $b1 = "Waiting for block data to be published by node..."
        $b2 = "Some of expected fields not present in /block/candidate"
        $b3 = "Jsmn failed to parse latest block"
        $b4 = "CURL initialization failed in PostPuzzleSolution"
        $b5 = "Solution posting URL:"
    condition:
        3 of ($a*) and 2 of ($b*)
}

rule equihash_miner
{
    meta:
        description = "an Equihash miner of nheqminer's family"
        marks = "3 of 6 messages about work, 2 of 5 requests and answers"
        source = "nicehash/nheqminer libstratum/ZcashStratum.cpp, StratumClient.cpp"
        false_alarms = "none is known; a Zcash node has no client for pools"
    strings:
        $a1 = "Running Equihash solver with nNonce = "
        $a2 = "ZcashMiner::parseJob(): Invalid "
        $a3 = "miner | Extranonce is "
        $a4 = "New job but no server target, assuming powLimit"
        $a5 = "Found solution with header hash: "
        $a6 = "Checking solution against target..."
        $b1 = "{\"id\":1,\"method\":\"mining.subscribe\",\"params\":[\""
        $b2 = "{\"id\":2,\"method\":\"mining.authorize\",\"params\":[\""
        $b3 = "method\":\"mining.submit\",\"params\":[\""
        $b4 = "mining.set_target"
        $b5 = "Subscribed to stratum server"
    condition:
        3 of ($a*) and 2 of ($b*)
}

rule beam_miner
{
    meta:
        description = "BeamHash for GPUs with a client for Beam's pools"
        marks = "2 of 5 kernels and their messages, 3 of 7 requests and answers"
        source = "BeamMW/opencl-miner beamStratum.cpp, clHost.cpp, kernels/beamHash.cl"
        false_alarms = "none is known"
    strings:
        $a1 = "round0_BH2"
        $a2 = "round1_BH2"
        $a3 = "combine3G"
        $a4 = "Beam OpenCL kernel: build sucessfully"
        $a5 = "--beamHashI"
        $b1 = "{\"method\":\"login\", \"api_key\":\""
        $b2 = "{\"method\" : \"solution\", \"id\": \""
        $b3 = "nonceprefix"
        $b4 = "forkheight"
        $b5 = "Submitting solution to job "
        $b6 = "Solutions (Accepted/Rejected): "
        $b7 = "Lost connection to BEAM stratum server"
    condition:
        2 of ($a*) and 3 of ($b*)
}

rule grin_miner
{
    meta:
        description = "grin-miner or a fork of it"
        marks = "2 of 4 messages about work, 3 of 6 messages about a pool"
        source = "mimblewimble/grin-miner src/bin/client.rs, mining.rs, grin_miner.rs"
        false_alarms = "none is known"
    strings:
        $a1 = "Mining: Cucka*oo* at "
        $a2 = "Cucka*oo* - Target Share Difficulty "
        $a3 = "Starting Grin-Miner from config file at: "
        $a4 = "Mining Status: Mining at height "
        $b1 = "Last Message Sent: Found share for height: "
        $b2 = "Last Message Received: Start Job for Height: "
        $b3 = "Last Message Received: Share Accepted!!"
        $b4 = "Connection Status: Connected to Grin server at "
        $b5 = "Failed to get a job template: "
        $b6 = "getjobtemplate"
    condition:
        2 of ($a*) and 3 of ($b*)
}

rule cuckoo_solver
{
    meta:
        description = "a solver of Cuckoo Cycle (Grin, MWC, Aeternity, Nervos)"
        marks = "1 of 5 names of the graph, 3 of 6 reports"
        source = "tromp/cuckoo src/cuckatoo, src/cuckaroo, src/cuckoo"
        false_alarms = "the solver's own benchmark, run by a researcher"
    strings:
        $a1 = "Looking for %d-cycle on cuckatoo%d("
        $a2 = "Looking for %d-cycle on cuckaroo%d("
        $a3 = "Looking for %d-cycle on cuckarood%d("
        $a4 = "Looking for %d-cycle on cuckaroom%d("
        $a5 = "Looking for %d-cycle on cuckoo%d("
        $b1 = "%d total solutions"
        $b2 = "Verified with cyclehash "
        $b3 = "nonce %d k0 k1 k2 k3 %llx %llx %llx %llx"
        $b4 = "OOPS; losing %d edges beyond MAXEDGES=%d"
        $b5 = "findcycles edges %d time %d ms total %d ms"
        $b6 = "with 50%% edges, "
    condition:
        1 of ($a*) and 3 of ($b*)
}

rule dero_miner
{
    meta:
        description = "DERO's own miner or a fork of it"
        marks = "3 of 6 messages, 2 of 5 settings and packages"
        source = "deroproject/derohe cmd/dero-miner/miner.go"
        false_alarms = "none is known; DERO's node and wallet have the packages and not the messages"
    strings:
        $a1 = "Successfully found DERO miniblock (going to submit)"
        $a2 = "System will mine to \"%s\" with %d threads. Good Luck!!"
        $a3 = "MINING @ %.3f KH/s"
        $a4 = "DERO Stargate HE AstroBWT miner"
        $a5 = "Owner of this wallet will receive mining rewards"
        $a6 = "dero_miner_readline.tmp"
        $b1 = "astrobwt/astrobwtv3"
        $b2 = "daemon-rpc-address"
        $b3 = "--mining-threads"
        $b4 = "minernode1.dero.live:"
        $b5 = "blockhashing_blob"
    condition:
        3 of ($a*) and 2 of ($b*)
}

rule tnn_miner
{
    meta:
        description = "tnn-miner (Dero, Spectre, Xelis, Verus, RandomX, Astrix) or a fork of it"
        marks = "4 of 9 settings, 2 of 6 messages"
        source = "Tritonn204/tnn-miner src/core/miner.cpp, src/net"
        false_alarms = "none is known"
    strings:
        $a1 = "dero-benchmark"
        $a2 = "daemon-address"
        $a3 = "rx-hugepages"
        $a4 = "xelis-bench"
        $a5 = "test-astrix"
        $a6 = "test-spectre"
        $a7 = "test-waglayla"
        $a8 = "test-nexellia"
        $a9 = "ignore-wallet"
        $b1 = "Dev fee: %.2f%% of your total hashrate"
        $b2 = "Error establishing connection to dev node"
        $b3 = "Remember: Long options now use a double-dash"
        $b4 = "Please use a GPU TNN Miner binary..."
        $b5 = "Provided wallet address is not valid for Dero"
        $b6 = " threads @ %2.2f with %d shares accepted"
    condition:
        4 of ($a*) and 2 of ($b*)
}

rule stratum_v2_miner
{
    meta:
        description = "a Stratum V2 mining device built on the reference crates"
        marks = "2 of 5 names of the protocol, 3 of 7 messages of a device"
        source = "stratum-mining/sv2-apps mining-device/src/lib/mod.rs, stratum-mining/stratum noise-sv2/src/lib.rs"
        false_alarms = "the reference implementation's own device, which tests pools"
    strings:
        $a1 = { 2e b4 78 81 20 8e 9e ee 1f 66 9f 67 c6 6e e7 0e a9 ea 88 09 0d 50 3f e8 30 dc 4b c8 3e 29 bf 10 }
        $a2 = "OpenStandardMiningChannel"
        $a3 = "SubmitSharesStandard"
        $a4 = "SetNewPrevHash"
        $a5 = "SetupConnectionSuccess"
        $b1 = "MINING DEVICE: send open channel with request id "
        $b2 = "MINING DEVICE: channel opened with: group id "
        $b3 = "Measured CPU hashrate is "
        $b4 = "Found share with nonce: "
        $b5 = "Pool noise connection established at "
        $b6 = "Received SubmitSharesError with error code "
        $b7 = "Received new mining job for channel id: "
    condition:
        2 of ($a*) and 3 of ($b*)
}
