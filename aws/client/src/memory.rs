//! How much memory could be taken now: what the machine calls available, or less where a container or a service
//! manager has set a limit (cgroup v2) on this process or on what it belongs to.

use std::fs::read_to_string;
use std::path::Path;

/// Where the limits of cgroup v2 are.
const GROUPS: &str = "/sys/fs/cgroup";

/// The memory that could be taken now, in bytes. None where nothing tells.
pub fn available_memory() -> Option<u64> {
    let machine = read_to_string("/proc/meminfo")
        .ok()
        .and_then(|text| field(&text, "MemAvailable:"))
        .map(|kilobytes| kilobytes * 1024);
    let groups = read_to_string("/proc/self/cgroup").unwrap_or_default();
    machine
        .into_iter()
        .chain(left_in_groups(Path::new(GROUPS), &groups))
        .min()
}

/// What is left of the smallest limit: of the own group, which is the line "0::/path", and of those above it.
fn left_in_groups(root: &Path, groups: &str) -> Option<u64> {
    let own = groups.lines().find_map(|line| line.strip_prefix("0::/")).unwrap_or("");
    let folder = root.join(own);
    let left = folder
        .ancestors()
        .take_while(|folder| folder.starts_with(root))
        .filter_map(left);
    left.min()
}

fn left(group: &Path) -> Option<u64> {
    let read = |name: &str| read_to_string(group.join(name)).ok();
    // Without a limit it says "max".
    let limit: u64 = read("memory.max")?.trim().parse().ok()?;
    let used: u64 = read("memory.current")?.trim().parse().ok()?;
    // File pages are counted as used and given back when needed.
    let cached = read("memory.stat").and_then(|text| field(&text, "inactive_file "));
    Some(limit.saturating_sub(used) + cached.unwrap_or(0))
}

/// The number behind a name that a line begins with.
fn field(text: &str, name: &str) -> Option<u64> {
    let rest = text.lines().find_map(|line| line.strip_prefix(name))?;
    rest.split_whitespace().next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn the_machine_tells_and_fields_are_read() {
        assert!(available_memory().unwrap() > 1 << 20);
        assert_eq!(
            field("MemTotal: 9 kB\nMemAvailable:   2048 kB\n", "MemAvailable:"),
            Some(2048)
        );
        assert_eq!(field("nothing", "MemAvailable:"), None);
    }

    #[test]
    fn the_smallest_limit_counts_and_cached_files_are_free() {
        let root = tempfile::tempdir().unwrap();
        let group = |path: &str, limit: &str, used: &str| {
            let folder = root.path().join(path);
            std::fs::create_dir_all(&folder).unwrap();
            std::fs::write(folder.join("memory.max"), limit).unwrap();
            std::fs::write(folder.join("memory.current"), used).unwrap();
        };
        assert_eq!(left_in_groups(root.path(), "0::/"), None);
        group("users/anna", "max\n", "700\n");
        assert_eq!(left_in_groups(root.path(), "0::/users/anna\n"), None);
        group("users", "1000\n", "900\n");
        assert_eq!(left_in_groups(root.path(), "1:cpu:/\n0::/users/anna\n"), Some(100));
        std::fs::write(root.path().join("users/memory.stat"), "anon 5\ninactive_file 300\n").unwrap();
        assert_eq!(left_in_groups(root.path(), "0::/users/anna\n"), Some(400));
        // As in a container, which is its own root, and does not see the path.
        group("", "5000\n", "6000\n");
        assert_eq!(left_in_groups(root.path(), "0::/not/seen\n"), Some(0));
    }
}
