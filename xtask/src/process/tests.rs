use super::*;

fn sleeper(dir: &Path, script: &str) -> Daemon {
    let mut command = Command::new("sh");
    command.args(["-c", script]).arg(dir);
    Daemon::spawn("sleeper", &mut command, &[], &dir.join("log"), dir).unwrap()
}

#[tokio::test]
async fn a_process_that_ignores_the_request_to_stop_is_killed() {
    let dir = tempfile::tempdir().unwrap();
    let daemon = sleeper(dir.path(), "trap '' TERM; while :; do sleep 0.1; done");
    assert!(daemon.is_running());
    daemon.stop(Duration::from_millis(300)).await.unwrap();
    assert!(!daemon.is_running());
}

#[tokio::test]
async fn stopping_what_has_already_ended_is_fine() {
    let dir = tempfile::tempdir().unwrap();
    let daemon = sleeper(dir.path(), "echo parting words");
    wait::until("its end", Duration::from_secs(5), async || daemon.ensure_gone()).await.unwrap();
    daemon.stop(Duration::from_millis(300)).await.unwrap();
    let error = daemon.ensure_running().unwrap_err().to_string();
    assert!(error.contains("parting words"), "{error}");
}

#[tokio::test]
async fn a_pid_that_now_belongs_to_somebody_else_does_not_count_as_running() {
    let dir = tempfile::tempdir().unwrap();
    let mut daemon = sleeper(dir.path(), "sleep 30");
    daemon.marker = "/not/in/that/command/line".to_owned();
    let noticed = wait::until("its command line", Duration::from_secs(5), async || daemon.ensure_gone());
    noticed.await.unwrap();
    daemon.marker = dir.path().display().to_string();
    daemon.signal(Signal::KILL);
}

#[tokio::test]
async fn a_guard_kills_when_its_owner_goes_away_and_not_when_dropped_in_good_order() {
    let dir = tempfile::tempdir().unwrap();
    let daemon = sleeper(dir.path(), "while :; do sleep 0.1; done");
    drop(Guard::over([&daemon]).unwrap());
    assert!(daemon.is_running());

    let mut guard = Guard::over([&daemon]).unwrap();
    let (_, other) = pipe().unwrap();
    drop(std::mem::replace(&mut guard.held, other));
    wait::until("the guard's work", Duration::from_secs(5), async || daemon.ensure_gone()).await.unwrap();
}

#[test]
fn free_ports_are_different() {
    let [one, two, three] = free_ports().unwrap();
    assert!(one != two && two != three && one != three);
}

#[test]
fn a_zombie_is_dead_whatever_its_name() {
    assert!(is_dead("12 (a) R (b) Z 1 1"));
    assert!(!is_dead("12 (Z) S 1 1"));
}
