//! Starting, finding, stopping.

use std::io::Read;
use std::os::fd::FromRawFd;

use ironsage_contract::{Home, ServiceInfo};
use serde_json::json;

use crate::client::{Service, executable, run, wait_until};
use crate::sagemaker::{deploy, model};

fn lives(pid: u32) -> bool {
    // A zombie of ours counts as gone.
    std::fs::read_to_string(format!("/proc/{pid}/stat"))
        .is_ok_and(|stat| !stat.rsplit(')').next().unwrap_or("").trim_start().starts_with('Z'))
}

#[test]
fn of_many_who_start_it_one_does_and_all_find_the_same() {
    let folder = tempfile::tempdir().unwrap();
    let home = Home::at(folder.path().join("home"));
    assert!(ironsage_local::status(&home).unwrap().is_none());
    assert!(!ironsage_local::stop(&home).unwrap());
    let begun = std::time::Instant::now();
    let infos: Vec<ServiceInfo> = std::thread::scope(|scope| {
        let starting: Vec<_> = (0..8)
            .map(|_| scope.spawn(|| ironsage_local::start(&home, &executable()).unwrap()))
            .collect();
        starting.into_iter().map(|started| started.join().unwrap()).collect()
    });
    eprintln!("eight starters served after {:?}", begun.elapsed());
    assert!(infos.iter().all(|info| *info == infos[0]), "{infos:?}");
    assert_eq!(ironsage_local::status(&home).unwrap().as_ref(), Some(&infos[0]));
    assert_eq!(infos[0].owner_pid, Some(std::process::id()));
    assert!(ironsage_local::stop(&home).unwrap());
    assert!(!lives(infos[0].pid) && ironsage_local::status(&home).unwrap().is_none());
    assert!(!ironsage_local::stop(&home).unwrap());
    let again = ironsage_local::start(&home, &executable()).unwrap();
    assert_eq!(again.port, infos[0].port, "the port is kept");
    ironsage_local::stop(&home).unwrap();
}

#[test]
fn it_is_a_session_of_its_own_without_inherited_descriptors() {
    // A pipe as a careless parent would leave it: inherited by children.
    let (mut reader, writer) = {
        let mut ends = [0; 2];
        // SAFETY: the array has room for both ends, and each is owned once.
        unsafe {
            assert_eq!(libc::pipe(ends.as_mut_ptr()), 0);
            (std::fs::File::from_raw_fd(ends[0]), std::fs::File::from_raw_fd(ends[1]))
        }
    };
    let service = Service::start();
    drop(writer);
    // With the service alive, the pipe's end must come: nobody holds the other end.
    let (done, ended) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        let mut rest = Vec::new();
        let _ = reader.read_to_end(&mut rest);
        let _ = done.send(());
    });
    ended
        .recv_timeout(std::time::Duration::from_secs(10))
        .expect("the service holds an inherited pipe");
    let pid = service.info.pid;
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap().split_whitespace().collect();
    assert_eq!(fields[3], pid.to_string(), "not a session of its own");
    let cwd = std::fs::read_link(format!("/proc/{pid}/cwd")).unwrap();
    assert_eq!(cwd, service.home.service().canonicalize().unwrap());
    assert_eq!(
        std::fs::read_link(format!("/proc/{pid}/fd/0")).unwrap().to_str(),
        Some("/dev/null")
    );
    use std::os::unix::fs::PermissionsExt;
    for file in [
        service.home.log(),
        service.home.service_file(),
        service.home.credentials_file(),
    ] {
        assert_eq!(
            std::fs::metadata(&file).unwrap().permissions().mode() & 0o077,
            0,
            "{file:?}"
        );
    }
    let log = std::fs::read_to_string(service.home.log()).unwrap();
    assert!(log.contains("listens on 127.0.0.1") && !log.contains(&service.key.secret_access_key));
}

#[test]
fn endpoints_come_back_with_the_service() {
    let mut service = Service::start();
    run(async {
        let client = service.client();
        model(&client, "age", "kept", 1).await;
        deploy(&client, "age", "age").await;
        // The restart needs neither the config, nor the model, nor its artifact.
        client
            .sagemaker("DeleteEndpointConfig", json!({ "EndpointConfigName": "age" }))
            .await
            .is(200);
        client
            .sagemaker("DeleteModel", json!({ "ModelName": "age" }))
            .await
            .is(200);
        client.s3("DELETE", "/models/age/model.tar.gz", &[], b"").await.is(204);
    });
    let pid_of = |service: &Service| -> u32 {
        let seen = run(async { service.client().invoke("age", b"environment").await.is(200).text() });
        seen.lines()
            .find_map(|line| line.strip_prefix("pid="))
            .unwrap()
            .parse()
            .unwrap()
    };
    let serving = pid_of(&service);
    ironsage_local::stop(&service.home).unwrap();
    assert!(!lives(serving), "a stopped service leaves its processes behind");
    service.restart();
    let serving = pid_of(&service);
    service.kill();
    wait_until("the serving process ends with its service", || !lives(serving));
    service.restart();
    run(async {
        assert_eq!(
            service.client().invoke("age", b"1").await.is(200).text(),
            "kept answers 1"
        )
    });
}

#[test]
fn it_ends_with_its_owner_and_takes_its_processes_along() {
    let folder = tempfile::tempdir().unwrap();
    let home = Home::at(folder.path().join("home"));
    let mut owner = std::process::Command::new("sleep").arg("600").spawn().unwrap();
    let info = ironsage_local::start_for(&home, &executable(), Some(owner.id())).unwrap();
    let service = Service {
        key: ironsage_local::credentials(&home).unwrap(),
        folder,
        home,
        info,
    };
    let serving: u32 = run(async {
        let client = service.client();
        model(&client, "age", "kept", 1).await;
        deploy(&client, "age", "age").await;
        let seen = client.invoke("age", b"environment").await.is(200).text();
        seen.lines()
            .find_map(|line| line.strip_prefix("pid="))
            .unwrap()
            .parse()
            .unwrap()
    });
    assert!(lives(serving));
    owner.kill().unwrap();
    owner.wait().unwrap();
    wait_until("the service ends with its owner", || !lives(service.info.pid));
    assert!(!lives(serving));
}

#[test]
fn stale_files_and_taken_ports_are_no_obstacle() {
    let folder = tempfile::tempdir().unwrap();
    let home = Home::at(folder.path().join("home"));
    let stranger = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = stranger.local_addr().unwrap().port();
    std::fs::create_dir_all(home.service()).unwrap();
    // A file of a service that is gone; its process id and its port belong to somebody else now.
    let stale = json!({
        "port": port, "pid": std::process::id(), "version": "0.0.1", "region": "us-east-1", "account": "000000000000", "owner_pid": null,
    });
    std::fs::write(home.service_file(), stale.to_string()).unwrap();
    std::fs::write(home.service().join("port"), port.to_string()).unwrap();
    std::fs::write(home.service().join("service.lock"), std::process::id().to_string()).unwrap();
    std::thread::spawn(move || {
        // The stranger talks HTTP, and says yes to everything.
        for stream in stranger.incoming().flatten() {
            use std::io::Write;
            let _ = (&stream).write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}");
        }
    });
    assert!(!ironsage_local::stop(&home).unwrap());
    let info = ironsage_local::start(&home, &executable()).unwrap();
    assert_ne!(info.port, port);
    let log = std::fs::read_to_string(home.log()).unwrap();
    assert!(log.contains(&format!("port {port} is not free any more")), "{log}");
    ironsage_local::stop(&home).unwrap();

    let asked = ironsage_local::ServeOptions {
        home: home.clone(),
        port: Some(port),
        executable: executable(),
        owner_pid: None,
    };
    let error = ironsage_local::serve(asked).unwrap_err();
    assert_eq!(
        error.to_string(),
        format!("port {port} on 127.0.0.1 is in use by another program")
    );
    assert!(error.hint().unwrap().contains(&port.to_string()));
}

#[test]
fn a_service_that_cannot_start_says_why() {
    let folder = tempfile::tempdir().unwrap();
    let home = Home::at(folder.path().join("home"));
    let error = ironsage_local::start(&home, std::path::Path::new("/no/such/program")).unwrap_err();
    assert!(
        error.to_string().contains("/no/such/program could not be started"),
        "{error}"
    );
    std::fs::create_dir_all(home.service().join("store")).unwrap();
    std::fs::write(home.service().join("store/index.redb"), b"this is no index").unwrap();
    let error = ironsage_local::start(&home, &executable()).unwrap_err();
    let text = error.to_string();
    assert!(
        text.contains("ended before it answered") && text.contains("index"),
        "{text}"
    );
    assert!(error.hint().unwrap().contains("service.log"));
    // Only what this start wrote is shown, not the one before it.
    std::fs::write(home.log(), "an older start\n").unwrap();
    let text = ironsage_local::start(&home, &executable()).unwrap_err().to_string();
    assert!(text.contains("index") && !text.contains("an older start"), "{text}");
}

#[test]
fn a_port_that_is_none_is_named() {
    let folder = tempfile::tempdir().unwrap();
    for value in ["http", "70000", "0"] {
        let output = std::process::Command::new(executable())
            .args(["local", "run"])
            .env("IRONSAGE_HOME", folder.path())
            .env("IRONSAGE_LOCAL_PORT", value)
            .output()
            .unwrap();
        let said = String::from_utf8(output.stderr).unwrap();
        assert!(
            !output.status.success() && said.contains(&format!("IRONSAGE_LOCAL_PORT is '{value}'")),
            "{said}"
        );
    }
}

#[test]
fn a_home_that_was_named_keeps_its_permissions() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    std::fs::set_permissions(folder.path(), std::fs::Permissions::from_mode(0o755)).unwrap();
    let home = Home::at(folder.path());
    ironsage_local::start(&home, &executable()).unwrap();
    ironsage_local::stop(&home).unwrap();
    let mode = |path: &std::path::Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!((mode(home.path()), mode(&home.service())), (0o755, 0o700));
}
