//! A state that Terraform wrote is opened by OpenTofu in the middle of a rotation.

use crate::support::cli;
use crate::support::keys::Config;

/// What Terraform would have left: the same state with the address of its own registry.
#[test]
fn a_state_of_terraform_is_taken_over_in_mid_life() {
    let ws = Config::new().staged();
    let staged = ws.secret("k.json", "secondary");
    let ours = cli::version().registry();
    let others = "registry.terraform.io";
    ws.edit_state(|state| {
        let text = state.to_string().replace(ours, others);
        *state = serde_json::from_str(&text).unwrap();
    });
    ws.plan().ok().code(0);
    ws.advance("20s").plan().ok().code(2);
    ws.apply_plan().ok();
    assert_eq!(ws.secret("k.json", "primary"), staged);
    assert!(ws.state().to_string().contains(ours));
    ws.advance("30s").apply().ok();
    assert!(ws.delivered("k.json")["secondary"].is_null());
    ws.plan().ok().code(0);

    // The way back, as the guide has it. With Terraform itself there is nothing to replace.
    if cli::version().is_opentofu() {
        let command = ["state", "replace-provider", "-auto-approve"];
        let addresses = [ours, others].map(|host| format!("{host}/apikey-dev/apikey"));
        let addresses = addresses.each_ref().map(String::as_str);
        ws.run(&[&command[..], &addresses].concat()).ok();
        let state = ws.state().to_string();
        assert!(state.contains(others) && !state.contains(ours));
    }
}
