//! What happened in a month.

use super::{Material, end, late, name, or_none, rotations, when};
use crate::health::incident::Told;
use crate::health::markdown::{line, table};
use crate::instant::Instant;
use crate::ledger::inventory::Listed;

/// How many failures are told one by one.
const MOST_FAILURES: usize = 50;

/// What happened in a month.
pub fn month(material: &Material) -> String {
    let Material {
        period, keys, told, ..
    } = material;
    let mut text = String::new();
    line(&mut text, format_args!("# Keys in {period}\n"));
    let failures: Vec<&Told> = told
        .iter()
        .filter(|event| event.event == "failed")
        .collect();
    let count =
        |at: fn(&Listed) -> Option<Instant>| keys.iter().filter(|key| period.has(at(key))).count();
    let rows = [
        (
            "Keys minted or first seen",
            count(|it| Some(it.key.created_at)),
        ),
        ("Rotations", material.rotated().len()),
        ("Keys revoked", count(|it| it.key.revoked_at)),
        ("Failed attempts", failures.len()),
        ("Emergencies", emergencies(told).count()),
    ];
    table(
        &mut text,
        &["", ""],
        rows.map(|(name, count)| vec![name.into(), count.to_string()]),
    );
    rotations(&mut text, material);
    line(&mut text, format_args!("## Revocations\n"));
    let revoked = keys.iter().filter(|it| period.has(it.key.revoked_at));
    table(
        &mut text,
        &["At", "Managed key", "Environment", "Key"],
        revoked.map(|it| {
            vec![
                when(it.key.revoked_at),
                name(it),
                or_none(&it.environment),
                it.key.key.label().to_owned(),
            ]
        }),
    );
    line(&mut text, format_args!("## Emergencies\n"));
    table(
        &mut text,
        &["Noted", "Emergency", "Managed key"],
        emergencies(told).map(|event| {
            vec![
                when(event.at),
                event.intent.clone().unwrap_or_default(),
                event.resource.name.clone(),
            ]
        }),
    );
    line(&mut text, format_args!("## Failed attempts\n"));
    let shown = failures.len().saturating_sub(MOST_FAILURES);
    if shown > 0 {
        line(
            &mut text,
            format_args!("The last {MOST_FAILURES} of {}.\n", failures.len()),
        );
    }
    table(
        &mut text,
        &["At", "Managed key", "What", "Why"],
        failures[shown..].iter().map(|event| {
            let what = event.effect.clone().unwrap_or_default();
            vec![
                when(event.at),
                event.resource.name.clone(),
                what,
                event.detail.clone().unwrap_or_default(),
            ]
        }),
    );
    late(&mut text, material.health);
    end(&mut text, material);
    text
}

fn emergencies(told: &[Told]) -> impl Iterator<Item = &Told> {
    let is_one =
        |event: &&Told| event.event == "opened" && event.action.as_deref() == Some("emergency");
    told.iter().filter(is_one)
}
