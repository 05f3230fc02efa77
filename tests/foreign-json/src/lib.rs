//! Nothing but its dependency: whatever is tested together with this has that serde_json.
