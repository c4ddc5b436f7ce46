//! The quickstart's way through the data, on the real data, as `language.md` shows it.

use std::path::Path;

use crate::bench::Bench;

#[test]
fn the_numbers_of_the_quickstart() {
    let bench = Bench::new();
    let data = Path::new(&std::env::var("CARGO_MANIFEST_DIR").unwrap()).join("../notebooks/data/abalone.csv");
    bench.file("data/abalone.csv", std::fs::read(data).unwrap());
    for _ in 0..2 {
        bench.line("%load data/abalone.csv -o abalone").unwrap();
        assert_eq!(bench.told(), "abalone: 4,177 rows × 9 columns, … ms");
        let profile = bench.line("%profile abalone").unwrap();
        assert!(
            profile.contains("height: 2 zeros, 2 far outliers (0.515, 1.13)"),
            "{profile}"
        );
        let query = "%%sql -o clean\n-- two zero heights, two impossible ones\nSELECT * FROM abalone WHERE height > 0 AND height < 0.5";
        bench.cell(query).unwrap();
        assert_eq!(bench.told(), "clean: 4,173 rows × 9 columns");
        let plot = bench
            .line("%plot scatter clean shell_weight rings --color sex")
            .unwrap();
        assert_eq!(plot, "rings by shell_weight, r = 0.63, 4,173 points, 3 colours");
        bench
            .line("%split clean 70 15 15 --seed 7 -o train,valid,test")
            .unwrap();
        assert_eq!(bench.told(), "train 2,921 · valid 626 · test 626 (random, seed 7)");
    }
    assert_eq!(bench.session.bindings().len(), 5);
}
