//! Who is where, against what was done.

use super::*;

/// `a` and `b` in "lobby", `b` and `c` in "staff", `d` in no room.
fn four() -> (Members, [SocketId; 4]) {
    let ids = [(); 4].map(|()| SocketId(Sid::new()));
    let mut members = Members::default();
    for id in ids {
        members.enter(Arc::new(Link::of_nobody(id)));
    }
    let [a, b, c, _] = ids;
    for (id, room) in [(a, "lobby"), (b, "lobby"), (b, "staff"), (c, "staff")] {
        members.join(id, room);
    }
    (members, ids)
}

/// No `rooms` are everyone here.
fn group(rooms: &[&str], except: &[&str]) -> Group {
    let names = |names: &[&str]| names.iter().map(ToString::to_string).collect();
    Group { rooms: (!rooms.is_empty()).then(|| names(rooms)), except: names(except) }
}

fn reached(members: &Members, rooms: &[&str], except: &[&str]) -> HashSet<SocketId> {
    let ids = members.of(&group(rooms, except)).ids();
    let set: HashSet<SocketId> = ids.iter().copied().collect();
    assert_eq!(set.len(), ids.len(), "each once");
    set
}

#[test]
fn a_group_is_any_of_its_rooms_and_none_of_the_excepted() {
    let (members, [a, b, c, d]) = four();
    assert_eq!(reached(&members, &[], &[]), [a, b, c, d].into());
    assert_eq!(reached(&members, &["lobby"], &[]), [a, b].into());
    assert_eq!(reached(&members, &["lobby", "staff"], &[]), [a, b, c].into());
    assert_eq!(reached(&members, &["lobby"], &["staff"]), [a].into());
    assert_eq!(reached(&members, &[], &["staff"]), [a, d].into());
    assert_eq!(reached(&members, &["nowhere"], &[]), [].into());
}

#[test]
fn no_rooms_are_nobody_and_no_exceptions_leave_out_nobody() {
    let (members, [a, b, c, d]) = four();
    let mut nobody = Group::default();
    nobody.add(Names::new());
    assert_eq!(members.of(&nobody).ids(), []);
    for id in [a, b, c, d] {
        assert!(!members.reaches(&nobody, &members.everyone[&id].link));
    }
    // What is added to nobody is all there is.
    nobody.add(Names::from_iter(["lobby".to_owned()]));
    nobody.add(Names::new());
    assert_eq!(members.of(&nobody).ids().into_iter().collect::<HashSet<_>>(), [a, b].into());
    assert_eq!(reached(&members, &[], &[]), [a, b, c, d].into());
}

#[test]
fn the_id_of_a_socket_is_a_room_of_its_own() {
    let (members, [a, b, c, d]) = four();
    let (a_room, d_room) = (a.to_string(), d.to_string());
    assert_eq!(reached(&members, &[&d_room], &[]), [d].into());
    assert_eq!(reached(&members, &["lobby", &a_room, &d_room], &[]), [a, b, d].into());
    assert_eq!(reached(&members, &[], &[&a_room, &d_room]), [b, c].into());
    assert_eq!(reached(&members, &[&a_room], &["lobby"]), [].into());
    // A name of that length need not be anybody's id.
    assert_eq!(reached(&members, &["sixteen-letters_"], &[]), [].into());
}

#[test]
fn who_goes_leaves_no_room_behind() {
    let (mut members, [a, b, c, _]) = four();
    members.leave(a, "lobby");
    assert_eq!(members.rooms_of(a).count(), 0);
    let gone = Arc::clone(&members.everyone[&b].link);
    assert!(members.remove(&gone));
    assert!(!members.remove(&gone));
    assert_eq!(members.rooms().collect::<Vec<_>>(), ["staff"]);
    assert_eq!(reached(&members, &["staff"], &[]), [c].into());
}

#[test]
fn who_comes_back_under_the_same_id_is_not_taken_out_for_the_one_before() {
    let (mut members, [a, ..]) = four();
    let before = Arc::clone(&members.everyone[&a].link);
    members.remove(&before);
    members.enter(Arc::new(Link::of_nobody(a)));
    assert!(!members.is_here(&before));
    assert!(!members.remove(&before));
    assert_eq!(reached(&members, &[&a.to_string()], &[]), [a].into());
    assert_eq!(members.rooms_of(a).count(), 0);
}

#[test]
fn who_comes_in_the_place_of_another_is_in_none_of_its_rooms() {
    let (mut members, [a, b, ..]) = four();
    assert!(members.enter(Arc::new(Link::of_nobody(a))));
    assert_eq!(members.rooms_of(a).count(), 0);
    assert_eq!(reached(&members, &["lobby"], &[]), [b].into());
}

#[test]
fn a_room_is_kept_in_shards() {
    let mut members = Members::default();
    let ids: Vec<SocketId> = (0..SHARD * 2 + 1).map(|_| SocketId(Sid::new())).collect();
    for id in &ids {
        members.enter(Arc::new(Link::of_nobody(*id)));
        assert!(members.join(*id, "lobby").is_some());
        assert!(members.join(*id, "lobby").is_none());
    }
    let sizes = |members: &Members| {
        let room = members.room("lobby").unwrap();
        (0..room.shards()).map(|shard| room.shard(shard).count()).collect::<Vec<_>>()
    };
    assert_eq!(sizes(&members), [SHARD, SHARD, 1]);
    let joins = members.joins();
    let place = members.leave(ids[3], "lobby").unwrap();
    assert_eq!(place.shard, 0);
    assert!(!members.room("lobby").unwrap().has_joined_since(0, joins));
    // Who comes back is new, and where there is room.
    assert_eq!(members.join(ids[3], "lobby").unwrap().shard, 0);
    assert!(members.room("lobby").unwrap().has_joined_since(0, joins));
    assert!(!members.room("lobby").unwrap().has_joined_since(1, joins));
    assert_eq!(members.of(&group(&["lobby"], &[])).ids().len(), ids.len());
    for id in &ids {
        let link = Arc::clone(&members.everyone[id].link);
        members.remove(&link);
    }
    assert!(members.room("lobby").is_none() && members.everyone.is_empty());
}

#[test]
fn the_table_is_known_to_be_the_same_or_not() {
    let (mut members, ids) = four();
    let links: Vec<Arc<Link>> =
        ids.iter().map(|id| Arc::clone(&members.everyone[id].link)).collect();
    for link in &links {
        assert!(!members.is_table());
        members.tabled(1);
        assert_eq!(members.open(link).len(), members.rooms_of(link.id).count());
        assert!(members.open(link).is_empty());
    }
    assert!(members.is_table());
    members.remove(&links[1]);
    assert!(!members.is_table());
    members.tabled(-1);
    assert!(members.is_table());
}

proptest::proptest! {
    /// Against sets of who is where.
    #[test]
    fn they_are_where_they_went(steps in proptest::collection::vec((0..4_u8, 0..40_usize, 0..3_usize), 1..300)) {
        let ids: Vec<SocketId> = (0..40).map(|_| SocketId(Sid::new())).collect();
        let rooms = ["a", "b", "c"];
        let mut members = Members::default();
        let mut here: HashMap<SocketId, HashSet<&str>> = HashMap::new();
        for (step, who, room) in steps {
            let (id, room) = (ids[who], rooms[room]);
            match step {
                0 => {
                    members.enter(Arc::new(Link::of_nobody(id)));
                    here.insert(id, HashSet::new());
                }
                1 => {
                    members.join(id, room);
                    here.entry(id).and_modify(|rooms| { rooms.insert(room); });
                }
                2 => {
                    members.leave(id, room);
                    here.entry(id).and_modify(|rooms| { rooms.remove(room); });
                }
                _ => if let Some(link) = members.everyone.get(&id).map(|member| Arc::clone(&member.link)) {
                    members.remove(&link);
                    here.remove(&id);
                },
            }
            let in_room = |room: &str| here.iter().filter(|(_, rooms)| rooms.contains(room)).map(|(id, _)| *id).collect::<HashSet<_>>();
            for room in rooms {
                proptest::prop_assert_eq!(reached(&members, &[room], &[]), in_room(room));
            }
            let union: HashSet<SocketId> = &(&in_room("a") | &in_room("b")) - &in_room("c");
            proptest::prop_assert_eq!(reached(&members, &["a", "b"], &["c"]), union);
            let group = group(&["a"], &["b"]);
            for member in members.everyone.values() {
                let expected = in_room("a").contains(&member.link.id) && !in_room("b").contains(&member.link.id);
                proptest::prop_assert_eq!(members.reaches(&group, &member.link), expected);
            }
        }
    }
}

#[test]
fn joining_twice_is_joining_once() {
    let (mut members, [a, ..]) = four();
    members.join(a, "lobby");
    assert_eq!(members.rooms_of(a).collect::<Vec<_>>(), ["lobby"]);
    assert_eq!(reached(&members, &["lobby", "lobby"], &[]).len(), 2);
}
