//! Buckets and objects, against the local service in this process.

use ironsage_display::Stream;
use ironsage_magics::ErrorKind;

use crate::bench::{Bench, told};

/// A bench and a bucket of its own, so that tests do not meet.
fn bench(bucket: &str) -> Bench {
    let bench = Bench::with_service();
    bench.line(&format!("%s3 mb {bucket}")).unwrap();
    bench
}

#[test]
fn the_quickstarts_first_steps_twice() {
    let bench = Bench::with_service();
    bench.file("data/abalone.csv", "sex,length,rings\nM,0.455,15\nF,0.53,9\n");
    assert_eq!(
        bench.line("%s3 mb shells").unwrap(),
        "s3://shells created (local store)"
    );
    assert_eq!(
        bench.line("%s3 cp data/abalone.csv s3://shells/raw/").unwrap(),
        "raw/abalone.csv 37 B"
    );
    assert_eq!(
        bench.line("%s3 mb shells").unwrap(),
        "s3://shells already there (local store)"
    );
    assert_eq!(
        bench.line("%s3 cp data/abalone.csv s3://shells/raw/").unwrap(),
        "raw/abalone.csv already there"
    );
    bench.line("%load s3://shells/raw/abalone.csv -o abalone").unwrap();
    assert_eq!(bench.told(), "abalone: 2 rows × 3 columns, … ms");
    bench.line("%load local://shells/raw/ -q -o all").unwrap();
    assert_eq!(bench.session.frame("all").unwrap().height(), 2);
}

#[test]
fn copies_go_every_way_and_are_left_alone_when_there() {
    let bench = bench("copies");
    bench.file("folder/a.txt", "one");
    bench.file("folder/deep/b.txt", "two");
    assert_eq!(
        bench.line("%s3 cp -r folder s3://copies/in/").unwrap(),
        "s3://copies/in/: 2 files, 6 B"
    );
    bench.file("folder/a.txt", "changed");
    assert_eq!(
        bench.line("%s3 cp -r folder s3://copies/in/").unwrap(),
        "s3://copies/in/: 2 files, 10 B, 1 already there"
    );
    assert_eq!(
        bench.line("%s3 cp s3://copies/in/a.txt s3://copies/a2.txt").unwrap(),
        "a2.txt 7 B"
    );
    assert_eq!(
        bench.line("%s3 cp s3://copies/in/a.txt local://copies/a2.txt").unwrap(),
        "a2.txt already there"
    );
    assert_eq!(
        bench.line("%s3 cp s3://copies/a2.txt back/").unwrap(),
        "back/a2.txt 7 B"
    );
    assert_eq!(
        bench.line("%s3 cp s3://copies/a2.txt back/").unwrap(),
        "back/a2.txt already there"
    );
    assert_eq!(
        std::fs::read_to_string(bench.path().join("back/a2.txt")).unwrap(),
        "changed"
    );
    bench.line("%s3 cp -r s3://copies/in out").unwrap();
    assert_eq!(
        std::fs::read_to_string(bench.path().join("out/deep/b.txt")).unwrap(),
        "two"
    );
    assert_eq!(
        bench.line("%s3 head s3://copies/a2.txt").unwrap(),
        "changed\ns3://copies/a2.txt: 1 of 1 line, 7 B"
    );
}

#[test]
fn a_copy_that_is_stopped_says_what_became_of_it() {
    let bench = bench("stopped");
    bench.file("folder/a.txt", "one");
    for (asks, told) in [
        (0, "stopped before anything was sent"),
        (1, "stopped after 0 of 1 file"),
    ] {
        bench.front.interrupt_after(asks);
        let error = bench.line("%s3 cp -r folder s3://stopped/in/").unwrap_err();
        assert_eq!(error.kind, ErrorKind::Interrupted);
        assert!(error.message.starts_with(told), "{}", error.message);
    }
}

#[test]
fn listings_show_folders_and_bind() {
    let bench = bench("listing");
    bench.file("a.csv", "x\n1\n");
    bench.line("%s3 cp a.csv s3://listing/raw/a.csv").unwrap();
    bench.line("%s3 cp a.csv s3://listing/top.csv").unwrap();
    let listed = bench.line("%s3 ls s3://listing").unwrap();
    assert!(
        listed.contains("raw/") && listed.contains("top.csv") && !listed.contains("raw/a.csv"),
        "{listed}"
    );
    assert_eq!(bench.told(), "s3://listing: 1 object, 1 folder, 4 B (local store)");
    assert_eq!(bench.session.frame("_").unwrap().height(), 1);
    bench.line("%s3 ls -r s3://listing -o objects").unwrap();
    assert_eq!(bench.session.frame("objects").unwrap().height(), 2);
    assert!(bench.line("%s3 ls s3://listing/raw").unwrap().contains("raw/a.csv"));
    bench.line("%s3 ls -o buckets").unwrap();
    let buckets = bench.session.frame("buckets").unwrap();
    let names = buckets.columns()[0].str().unwrap();
    assert!(names.iter().any(|name| name == Some("listing")), "{buckets}");
}

#[test]
fn removing_more_than_is_named_asks_first() {
    let bench = bench("removing");
    bench.file("a.txt", "one");
    bench.line("%s3 cp a.txt s3://removing/raw/a.txt").unwrap();
    bench.line("%s3 cp a.txt s3://removing/raw/b.txt").unwrap();
    bench.line("%s3 cp a.txt s3://removing/c.txt").unwrap();
    let refused = [
        "%s3 rm s3://removing/raw/",
        "%s3 rm s3://removing/raw",
        "%s3 rm s3://removing",
        "%s3 rb removing",
    ];
    let shown: Vec<String> = refused
        .iter()
        .map(|line| format!("{line}\n{}", told(&bench.line(line).unwrap_err())))
        .collect();
    insta::assert_snapshot!(shown.join("\n\n"));
    bench.line("%s3 rm s3://removing/c.txt s3://removing/raw/").unwrap_err();
    assert_eq!(
        bench.line("%s3 rm s3://removing/c.txt").unwrap(),
        "s3://removing/c.txt removed"
    );
    assert_eq!(
        bench.line("%s3 rm s3://removing/c.txt").unwrap(),
        "s3://removing/c.txt already gone"
    );
    assert_eq!(
        bench.line("%s3 rm -f s3://removing/raw/").unwrap(),
        "s3://removing/raw/: 2 objects, 6 B removed"
    );
    assert_eq!(
        bench.line("%s3 rm -f s3://removing/raw/").unwrap(),
        "s3://removing/raw/ already gone"
    );
    assert_eq!(bench.line("%s3 rb removing").unwrap(), "s3://removing removed");
    assert_eq!(bench.line("%s3 rb removing").unwrap(), "s3://removing already gone");
}

#[test]
fn what_is_not_there_is_told_with_what_is() {
    let bench = bench("missing-things");
    bench.file("a.csv", "x\n1\n");
    bench.line("%s3 cp a.csv s3://missing-things/raw/abalone.csv").unwrap();
    for (line, kind) in [
        ("%load s3://missing-things/raw/abalon.csv", ErrorKind::NotFound),
        ("%load s3://missing-thing/raw/abalone.csv", ErrorKind::NotFound),
        ("%s3 ls s3://missing-thing", ErrorKind::NotFound),
        ("%s3 cp nothing.csv s3://missing-things/", ErrorKind::NotFound),
        ("%s3 cp a.csv s3://missing-thing/a.csv", ErrorKind::NotFound),
        ("%s3 mb Missing_Things", ErrorKind::UsageError),
        ("%s3 cp a.csv b.csv", ErrorKind::UsageError),
        ("%s3 ls missing-things/raw", ErrorKind::UsageError),
        ("%s3 cp s3://missing-things/raw/ here", ErrorKind::UsageError),
    ] {
        let error = bench.line(line).unwrap_err();
        assert_eq!(error.kind, kind, "{line}: {}", told(&error));
        assert!(
            error.hint.is_some() || kind == ErrorKind::NotFound,
            "{line}: {}",
            told(&error)
        );
    }
    let error = bench.line("%load s3://missing-things/raw/abalon.csv").unwrap_err();
    assert!(error.hint.unwrap().contains("abalone.csv"));
}

#[test]
fn frames_are_saved_and_loaded_by_address() {
    let bench = bench("saved").small();
    bench.line("%save small s3://saved/small.parquet").unwrap();
    bench
        .line("%load s3://saved/small.parquet -q --columns half,number -o back")
        .unwrap();
    assert_eq!(bench.session.frame("back").unwrap().shape(), (10, 2));
}

#[test]
fn a_shell_sees_the_same_store() {
    let bench = bench("seen");
    bench
        .shell("echo \"$AWS_ENDPOINT_URL $AWS_REGION ${#AWS_SECRET_ACCESS_KEY}\"")
        .unwrap();
    let seen = bench.front.streamed(Stream::Stdout);
    assert!(seen.starts_with("http://127.0.0.1:"), "{seen}");
    assert!(!seen.trim_end().ends_with(" 0"), "{seen}");
    bench
        .shell("printenv AWS_SESSION_TOKEN AWS_PROFILE || echo neither")
        .unwrap();
    assert_eq!(bench.front.streamed(Stream::Stdout), "neither\n");
}

/// The test above once more, in a process that has them.
#[test]
fn a_shell_has_neither_the_kernels_session_token_nor_its_profile() {
    let output = std::process::Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "store::a_shell_sees_the_same_store"])
        .env("AWS_SESSION_TOKEN", "of the kernel")
        .env("AWS_PROFILE", "of the kernel")
        .output()
        .unwrap();
    let told = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success() && told.contains("1 passed"), "{told}");
}
