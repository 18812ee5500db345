//! Sessions with messages longer than what is captured at a time.
use monitor::event::Direction;
use serde_json::{Value, json};

use crate::cases::Case;

/// Hexadecimal digits of `bytes` bytes, told apart by `salt`.
fn hex(bytes: u32, salt: u32) -> String {
    (0..bytes).map(|at| format!("{:02x}", (at.wrapping_mul(167) ^ salt.wrapping_mul(59)) % 251)).collect()
}

fn case(name: &str, turns: &[(Direction, Value)]) -> Case {
    let turns = turns.iter().map(|(direction, value)| (*direction, format!("{value}\n").into_bytes()));
    Case { name: name.to_owned(), turns: turns.collect() }
}

/// A share with a solution of 1,344 bytes behind a compact size of three, as Equihash 200,9 has it (ZIP 301).
pub(crate) fn equihash() -> Case {
    use Direction::{Egress, Ingress};
    let user = "t1MU8oyEAmQx2eyGLKQrDSxU4V1PHR4N4Dc.shed";
    let zeros = "00".repeat(32);
    case(
        "equihash-long",
        &[
            (
                Egress,
                json!({"id":1,"method":"mining.subscribe","params":["nheqminer/0.5c",null,"pool.example","3857"]}),
            ),
            (Ingress, json!({"id":1,"result":[null,hex(4, 1)],"error":null})),
            (Egress, json!({"id":2,"method":"mining.authorize","params":[user,"hunter2"]})),
            (Ingress, json!({"id":2,"result":true,"error":null})),
            (
                Ingress,
                json!({"id":null,"method":"mining.set_target","params":[format!("0007{}", hex(30, 2))]}),
            ),
            (
                Ingress,
                json!({"id":null,"method":"mining.notify","params":
                ["4d", "04000000", hex(32, 3), hex(32, 4), zeros, "68ef2669", "1c0126e3", true]}),
            ),
            (
                Egress,
                json!({"id":3,"method":"mining.submit","params":
                [user, "4d", "68ef2669", hex(28, 5), format!("fd4005{}", hex(1344, 6))]}),
            ),
            (Ingress, json!({"id":3,"result":true,"error":null})),
        ],
    )
}

/// Work with a long coinbase and all the branches that a block of ten thousand transactions has.
pub(crate) fn branches() -> Case {
    use Direction::{Egress, Ingress};
    let user = "bc1qtm607qyyxvxmultwukqua37h36488drsduwwc3.rig7";
    let branch: Vec<String> = (0..14).map(|at| hex(32, 20 + at)).collect();
    case(
        "stratum-v1-long",
        &[
            (Egress, json!({"id":1,"method":"mining.subscribe","params":["cpuminer/2.5.1"]})),
            (
                Ingress,
                json!({"id":1,"result":[[["mining.set_difficulty","b4"],["mining.notify","ae"]],"f0001f4a",4],"error":null}),
            ),
            (Egress, json!({"id":2,"method":"mining.authorize","params":[user,"hunter2"]})),
            (Ingress, json!({"id":2,"result":true,"error":null})),
            (
                Ingress,
                json!({"id":null,"method":"mining.notify","params":
                ["7f3a", hex(32, 7), hex(80, 8), hex(1700, 9), branch, "20000000", "1705ae3a", "6955b900", true]}),
            ),
            (
                Egress,
                json!({"id":4,"method":"mining.submit","params":[user,"7f3a","0000002a","6955b90c","9d2c1ab4"]}),
            ),
            (Ingress, json!({"id":4,"result":true,"error":null})),
        ],
    )
}
