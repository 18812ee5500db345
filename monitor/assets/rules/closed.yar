// Miners whose source is closed, by the settings that their documentation names. The rules were written from documents,
// not from the programs: builds that are packed or that hide their texts are found in memory at best.

// What the rules of this file are about: a program, whole or in pieces, or the memory of a process, where nothing lies at 0.
global private rule program
{
    condition:
        uint32(0) == 0x464c457f or not defined uint32(0)
}

rule lolminer
{
    meta:
        description = "lolMiner"
        marks = "9 of 18 settings, 2 of 5 words for a pool, 1 of 8 names of a GPU's or processor's interface"
        source = "Lolliedieb/lolMiner-releases README.md"
        false_alarms = "an agent of a mining distribution that knows every setting of this miner"
    strings:
        $a1 = "lhrtune"
        $a2 = "lhrwait"
        $a3 = "lhrv3boost"
        $a4 = "ergo-prebuild"
        $a5 = "enablezilcache"
        $a6 = "zombie-tune"
        $a7 = "maxdualimpact"
        $a8 = "disable-dag-verify"
        $a9 = "disablewatchdog"
        $a10 = "watchdogscript"
        $a11 = "compactaccept"
        $a12 = "statsformat"
        $a13 = "4g-alloc-size"
        $a14 = "win4galloc"
        $a15 = "dualdevices"
        $a16 = "dualfactor"
        $a17 = "devicesbypcie"
        $a18 = "disableLinux56fix"
        $b1 = "mining.subscribe"
        $b2 = "mining.authorize"
        $b3 = "mining.submit"
        $b4 = "eth_submitLogin"
        $b5 = "stratum+tcp"
        $c1 = "libOpenCL.so"
        $c2 = "clBuildProgram"
        $c3 = "libcuda.so"
        $c4 = "cuModuleLoadData"
        $c5 = "libnvidia-ml.so"
        $c6 = "nvmlInit"
        $c7 = "/dev/cpu/"
        $c8 = "amdgpu"
    condition:
        9 of ($a*) and 2 of ($b*) and 1 of ($c*)
}

rule srbminer
{
    meta:
        description = "SRBMiner-Multi"
        marks = "9 of 18 settings, 2 of 5 words for a pool, 1 of 8 names of a GPU's or processor's interface"
        source = "doktor83/SRBMiner-Multi Parameters"
        false_alarms = "an agent of a mining distribution that knows every setting of this miner"
    strings:
        $a1 = "randomx-use-1gb-pages"
        $a2 = "msr-use-preset"
        $a3 = "msr-use-tweaks"
        $a4 = "disable-msr-tweaks"
        $a5 = "cpu-threads-reduce"
        $a6 = "cpu-threads-intensity"
        $a7 = "disable-worker-watchdog"
        $a8 = "max-no-share-sent"
        $a9 = "max-rejected-shares"
        $a10 = "gpu-progpow-safe"
        $a11 = "gpu-table-slow-build"
        $a12 = "main-pool-reconnect"
        $a13 = "autotune-no-load"
        $a14 = "busy-wait-recheck"
        $a15 = "reboot-script-gpu-watchdog"
        $a16 = "verthash-dat-path"
        $a17 = "gpu-errors-alert"
        $a18 = "disable-extranonce-subscribe"
        $b1 = "mining.subscribe"
        $b2 = "mining.authorize"
        $b3 = "mining.submit"
        $b4 = "eth_submitLogin"
        $b5 = "stratum+tcp"
        $c1 = "libOpenCL.so"
        $c2 = "clBuildProgram"
        $c3 = "libcuda.so"
        $c4 = "cuModuleLoadData"
        $c5 = "libnvidia-ml.so"
        $c6 = "nvmlInit"
        $c7 = "/dev/cpu/"
        $c8 = "amdgpu"
    condition:
        9 of ($a*) and 2 of ($b*) and 1 of ($c*)
}

rule t_rex
{
    meta:
        description = "T-Rex"
        marks = "9 of 18 settings, 2 of 5 words for a pool, 1 of 8 names of a GPU's or processor's interface"
        source = "trexminer/T-Rex README.md"
        false_alarms = "an agent of a mining distribution that knows every setting of this miner"
    strings:
        $a1 = "lhr-autotune-mode"
        $a2 = "lhr-autotune-step-size"
        $a3 = "lhr-autotune-interval"
        $a4 = "lhr-low-power"
        $a5 = "lhr-tune"
        $a6 = "extra-dag-epoch"
        $a7 = "dag-build-mode"
        $a8 = "gpu-init-mode"
        $a9 = "keep-gpu-busy"
        $a10 = "back-to-main-pool-sec"
        $a11 = "reconnect-on-fail-shares"
        $a12 = "exit-on-cuda-error"
        $a13 = "no-hashrate-report"
        $a14 = "sharerate-avr"
        $a15 = "hashrate-avr"
        $a16 = "script-epoch-change"
        $a17 = "script-low-hash"
        $a18 = "watchdog-exit-mode"
        $b1 = "mining.subscribe"
        $b2 = "mining.authorize"
        $b3 = "mining.submit"
        $b4 = "eth_submitLogin"
        $b5 = "stratum+tcp"
        $c1 = "libOpenCL.so"
        $c2 = "clBuildProgram"
        $c3 = "libcuda.so"
        $c4 = "cuModuleLoadData"
        $c5 = "libnvidia-ml.so"
        $c6 = "nvmlInit"
        $c7 = "/dev/cpu/"
        $c8 = "amdgpu"
    condition:
        9 of ($a*) and 2 of ($b*) and 1 of ($c*)
}

rule rigel
{
    meta:
        description = "Rigel"
        marks = "9 of 16 settings, 2 of 5 words for a pool, 1 of 8 names of a GPU's or processor's interface"
        source = "rigelminer/rigel README.md"
        false_alarms = "an agent of a mining distribution that knows every setting of this miner"
    strings:
        $a1 = "autolykos2-prebuild"
        $a2 = "ethash-cache-dag"
        $a3 = "kawpow-cache-dag"
        $a4 = "zil-cache-dag"
        $a5 = "nexapow-small-lut"
        $a6 = "zil-countdown"
        $a7 = "zil-retain-hashrate"
        $a8 = "zil-test-intervals"
        $a9 = "dag-reset-mclock"
        $a10 = "lock-mclock"
        $a11 = "hashrate-avg"
        $a12 = "power-avg"
        $a13 = "log-network"
        $a14 = "activate-fork"
        $a15 = "multi-device-arg-mode"
        $a16 = "no-pool-url"
        $b1 = "mining.subscribe"
        $b2 = "mining.authorize"
        $b3 = "mining.submit"
        $b4 = "eth_submitLogin"
        $b5 = "stratum+tcp"
        $c1 = "libOpenCL.so"
        $c2 = "clBuildProgram"
        $c3 = "libcuda.so"
        $c4 = "cuModuleLoadData"
        $c5 = "libnvidia-ml.so"
        $c6 = "nvmlInit"
        $c7 = "/dev/cpu/"
        $c8 = "amdgpu"
    condition:
        9 of ($a*) and 2 of ($b*) and 1 of ($c*)
}

rule nbminer
{
    meta:
        description = "NBMiner"
        marks = "9 of 14 settings, 2 of 5 words for a pool, 1 of 8 names of a GPU's or processor's interface"
        source = "NebuTech/NBMiner readme.md"
        false_alarms = "an agent of a mining distribution that knows every setting of this miner"
    strings:
        $a1 = "enable-dag-cache"
        $a2 = "grin29-fork-height"
        $a3 = "fidelity-timeframe"
        $a4 = "cuckoo-intensity"
        $a5 = "lhr-reduce-value"
        $a6 = "lhr-reduce-time"
        $a7 = "lhr-reduce-limit"
        $a8 = "lhr-mode"
        $a9 = "memory-tweak"
        $a10 = "log-no-job"
        $a11 = "log-cycle"
        $a12 = "share-check"
        $a13 = "device-info-json"
        $a14 = "no-interrupt"
        $b1 = "mining.subscribe"
        $b2 = "mining.authorize"
        $b3 = "mining.submit"
        $b4 = "eth_submitLogin"
        $b5 = "stratum+tcp"
        $c1 = "libOpenCL.so"
        $c2 = "clBuildProgram"
        $c3 = "libcuda.so"
        $c4 = "cuModuleLoadData"
        $c5 = "libnvidia-ml.so"
        $c6 = "nvmlInit"
        $c7 = "/dev/cpu/"
        $c8 = "amdgpu"
    condition:
        9 of ($a*) and 2 of ($b*) and 1 of ($c*)
}

rule gminer
{
    meta:
        description = "GMiner"
        marks = "9 of 18 settings, 2 of 5 words for a pool, 1 of 8 names of a GPU's or processor's interface"
        source = "develsoftware/GMinerRelease README.md"
        false_alarms = "an agent of a mining distribution that knows every setting of this miner"
    strings:
        $a1 = "lhr_autotune_step"
        $a2 = "lhr_tune"
        $a3 = "dag_gen_limit"
        $a4 = "dag_limit"
        $a5 = "maintenance_fee"
        $a6 = "maintenance_server"
        $a7 = "p2state"
        $a8 = "secure_dns"
        $a9 = "tor_exit_node"
        $a10 = "electricity_cost"
        $a11 = "watchdog_restart_delay"
        $a12 = "contest_wallet"
        $a13 = "min_rig_speed"
        $a14 = "cache_dag"
        $a15 = "safe_dag"
        $a16 = "log_newjob"
        $a17 = "templimit_mem"
        $a18 = "report_interval"
        $b1 = "mining.subscribe"
        $b2 = "mining.authorize"
        $b3 = "mining.submit"
        $b4 = "eth_submitLogin"
        $b5 = "stratum+tcp"
        $c1 = "libOpenCL.so"
        $c2 = "clBuildProgram"
        $c3 = "libcuda.so"
        $c4 = "cuModuleLoadData"
        $c5 = "libnvidia-ml.so"
        $c6 = "nvmlInit"
        $c7 = "/dev/cpu/"
        $c8 = "amdgpu"
    condition:
        9 of ($a*) and 2 of ($b*) and 1 of ($c*)
}

rule teamredminer
{
    meta:
        description = "TeamRedMiner"
        marks = "9 of 18 settings, 2 of 5 words for a pool, 1 of 8 names of a GPU's or processor's interface"
        source = "todxx/teamredminer USAGE.txt"
        false_alarms = "an agent of a mining distribution that knows every setting of this miner"
    strings:
        $a1 = "eth_aggr_mode"
        $a2 = "eth_dag_slowdown"
        $a3 = "eth_dag_alloc_patch"
        $a4 = "eth_4g_max_alloc"
        $a5 = "eth_smooth_power"
        $a6 = "eth_hash_report"
        $a7 = "eth_stratum_mode"
        $a8 = "autolykos_ignore_diff"
        $a9 = "prog_micro_tune"
        $a10 = "pool_share_limit_ms"
        $a11 = "pool_force_ensub"
        $a12 = "pool_broken_rpc"
        $a13 = "fpga_clk_core"
        $a14 = "cm_api_listen"
        $a15 = "no_ntime_roll"
        $a16 = "no_stale_submit"
        $a17 = "kernel_vm_mode"
        $a18 = "verthash_max_uploads"
        $b1 = "mining.subscribe"
        $b2 = "mining.authorize"
        $b3 = "mining.submit"
        $b4 = "eth_submitLogin"
        $b5 = "stratum+tcp"
        $c1 = "libOpenCL.so"
        $c2 = "clBuildProgram"
        $c3 = "libcuda.so"
        $c4 = "cuModuleLoadData"
        $c5 = "libnvidia-ml.so"
        $c6 = "nvmlInit"
        $c7 = "/dev/cpu/"
        $c8 = "amdgpu"
    condition:
        9 of ($a*) and 2 of ($b*) and 1 of ($c*)
}

rule bzminer
{
    meta:
        description = "BzMiner"
        marks = "9 of 18 settings, 2 of 5 words for a pool, 1 of 8 names of a GPU's or processor's interface"
        source = "bzminer/bzminer README.md"
        false_alarms = "an agent of a mining distribution that knows every setting of this miner"
    strings:
        $a1 = "warthog_max_ram_gb"
        $a2 = "warthog_verus_hr_target"
        $a3 = "dynex_pow_ratio"
        $a4 = "extra_dev_fee"
        $a5 = "lhr_exception_reboot"
        $a6 = "lhr_stability"
        $a7 = "oc_lock_memory_clock"
        $a8 = "oc_memory_clock_offset"
        $a9 = "oc_reset_on_exit"
        $a10 = "reset_oc_dag_gen"
        $a11 = "repair_dag"
        $a12 = "multi_mine_ms"
        $a13 = "ironfish_graffiti"
        $a14 = "restart_miner_minutes"
        $a15 = "reboot_after_watchdog_restarts"
        $a16 = "zil_retain_hashrate"
        $a17 = "webhook_discord_solutions_only"
        $a18 = "hung_gpu_restart_bzminer"
        $b1 = "mining.subscribe"
        $b2 = "mining.authorize"
        $b3 = "mining.submit"
        $b4 = "eth_submitLogin"
        $b5 = "stratum+tcp"
        $c1 = "libOpenCL.so"
        $c2 = "clBuildProgram"
        $c3 = "libcuda.so"
        $c4 = "cuModuleLoadData"
        $c5 = "libnvidia-ml.so"
        $c6 = "nvmlInit"
        $c7 = "/dev/cpu/"
        $c8 = "amdgpu"
    condition:
        9 of ($a*) and 2 of ($b*) and 1 of ($c*)
}

rule wildrig
{
    meta:
        description = "WildRig-Multi"
        marks = "9 of 18 settings, 2 of 5 words for a pool, 1 of 8 names of a GPU's or processor's interface"
        source = "andru-kun/wildrig-multi README.md"
        false_alarms = "an agent of a mining distribution that knows every setting of this miner"
    strings:
        $a1 = "progpow-kernel"
        $a2 = "split-job"
        $a3 = "multiple-instance"
        $a4 = "no-dag-split"
        $a5 = "force-eff-mode"
        $a6 = "benchmark-hashorder"
        $a7 = "benchmark-epoch"
        $a8 = "max-rejects"
        $a9 = "max-difficulty"
        $a10 = "send-stale"
        $a11 = "gpu-temp-limit"
        $a12 = "gpu-temp-resume"
        $a13 = "no-extranonce"
        $a14 = "gpu-powerlimit"
        $a15 = "execute-at-start"
        $a16 = "watchdog-script"
        $a17 = "opencl-platforms"
        $a18 = "no-igcl"
        $b1 = "mining.subscribe"
        $b2 = "mining.authorize"
        $b3 = "mining.submit"
        $b4 = "eth_submitLogin"
        $b5 = "stratum+tcp"
        $c1 = "libOpenCL.so"
        $c2 = "clBuildProgram"
        $c3 = "libcuda.so"
        $c4 = "cuModuleLoadData"
        $c5 = "libnvidia-ml.so"
        $c6 = "nvmlInit"
        $c7 = "/dev/cpu/"
        $c8 = "amdgpu"
    condition:
        9 of ($a*) and 2 of ($b*) and 1 of ($c*)
}

rule nanominer
{
    meta:
        description = "nanominer"
        marks = "9 of 18 settings, 2 of 5 words for a pool, 1 of 8 names of a GPU's or processor's interface"
        source = "nanopool/nanominer README.md"
        false_alarms = "an agent of a mining distribution that knows every setting of this miner"
    strings:
        $a1 = "rigName"
        $a2 = "rigPassword"
        $a3 = "minHashrate"
        $a4 = "maxRejectedShares"
        $a5 = "coreClocks"
        $a6 = "memClocks"
        $a7 = "powerLimits"
        $a8 = "memTweak"
        $a9 = "ethmanPassword"
        $a10 = "farmRecheck"
        $a11 = "sortPools"
        $a12 = "countDevShares"
        $a13 = "validateShares"
        $a14 = "sendHashrate"
        $a15 = "shardId"
        $a16 = "zilEpoch"
        $a17 = "checkForUpdates"
        $a18 = "dagSer"
        $b1 = "mining.subscribe"
        $b2 = "mining.authorize"
        $b3 = "mining.submit"
        $b4 = "eth_submitLogin"
        $b5 = "stratum+tcp"
        $c1 = "libOpenCL.so"
        $c2 = "clBuildProgram"
        $c3 = "libcuda.so"
        $c4 = "cuModuleLoadData"
        $c5 = "libnvidia-ml.so"
        $c6 = "nvmlInit"
        $c7 = "/dev/cpu/"
        $c8 = "amdgpu"
    condition:
        9 of ($a*) and 2 of ($b*) and 1 of ($c*)
}
