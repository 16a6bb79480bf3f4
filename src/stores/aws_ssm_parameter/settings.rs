//! The settings of one delivery to Parameter Store.

use tf_provider::schema::AttributeType;

use super::KIND;
use crate::error::Result;
use crate::schema::{Attributes, attributes as table, optional, required};
use crate::settings::Settings;
use crate::stores::aws::{Making, OnDestroy, attributes as shared_attributes};
use crate::stores::document::Layout;
use crate::vendors::aws::{Access, access_attributes};

/// The longest name that a parameter can be given.
const LONGEST_NAME: usize = 1011;

/// How deep a hierarchy of names can be.
const MOST_LEVELS: usize = 15;

/// What a delivery says.
pub struct Place {
    /// The parameter with the document, or with the primary alone.
    pub name: String,
    /// The parameter with the secondary, where each slot has one of its own.
    pub secondary_name: Option<String>,
    pub access: Access,
    pub layout: Layout,
    pub tier: Option<&'static str>,
    pub making: Making,
    pub on_destroy: OnDestroy,
}

pub fn attributes() -> Attributes {
    let text = |words: &str| optional(AttributeType::String, words);
    let own = table([
        (
            "name",
            required(
                AttributeType::String,
                "Name of the parameter, such as `/prod/payments/key`. One that does not exist yet is created as a \
                 `SecureString`; one that exists gets a new version and keeps everything else.",
            ),
        ),
        (
            "secondary_name",
            text(
                "Name of a second parameter. Then each slot has a parameter of its own, for readers that take one whole: \
                 `name` holds the primary as JSON (`key_id`, `secret`, `generation`, `rotated_at`), this one the \
                 secondary, or `{}` while there is none.",
            ),
        ),
        (
            "region",
            text("Region of the parameter. Default: that of the provider."),
        ),
        (
            "layout",
            text(
                "Layout of the JSON where one parameter holds both slots: `slots` (default), an object for each slot, or \
                 `flat`: `primary` and `secondary` are the secrets themselves, with `primary_key_id`, \
                 `secondary_key_id` and `generation` beside them.",
            ),
        ),
        (
            "tier",
            text(
                "Tier of a parameter created here: `Standard`, 4096 bytes at most, `Advanced`, 8192 bytes, or \
                 `Intelligent-Tiering`. Default: what the account has as its default. A parameter that exists keeps its \
                 own.",
            ),
        ),
    ]);
    let shared = table(shared_attributes("parameter", "aws/ssm"));
    let access = table(access_attributes("the parameter"));
    own.into_iter().chain(shared).chain(access).collect()
}

impl Place {
    pub fn read(settings: &Settings) -> Result<Self> {
        let name = settings.required_string("name")?;
        refuse_wrong_name(settings, "name", name)?;
        let secondary_name = settings.string("secondary_name");
        if let Some(second) = secondary_name {
            refuse_wrong_name(settings, "secondary_name", second)?;
            refuse_contradiction(settings, name, second)?;
        }
        Ok(Self {
            name: name.to_owned(),
            secondary_name: secondary_name.map(str::to_owned),
            access: Access::read(settings)?,
            layout: Layout::from_settings(settings)?,
            tier: settings.one_of("tier", &["Standard", "Advanced", "Intelligent-Tiering"])?,
            making: Making::read(settings)?,
            on_destroy: OnDestroy::read(settings)?,
        })
    }

    /// How many bytes a parameter can hold.
    pub fn size_limit(&self) -> usize {
        match self.tier {
            None | Some("Standard") => 4096,
            Some(_) => 8192,
        }
    }

    /// One of its parameters, as these settings name it.
    pub fn text_of(&self, name: &str) -> String {
        match self.access.text(true) {
            Some(access) => format!("{KIND} {name} ({access})"),
            None => format!("{KIND} {name}"),
        }
    }
}

fn refuse_contradiction(settings: &Settings, name: &str, second: &str) -> Result<()> {
    if without_root(name) == without_root(second) {
        return Err(settings.wrong(
            "secondary_name",
            "Both slots would lie in one parameter",
            format!(
                "name and secondary_name are both {name:?}, and one slot would overwrite the other. Write two names, or \
                 leave secondary_name out: then one parameter holds both as JSON."
            ),
        ));
    }
    match settings.string("layout") {
        Some(_) => Err(settings.wrong(
            "layout",
            "layout has no meaning for two parameters",
            "layout says how both slots lie in one parameter, but secondary_name gives each a parameter of its own. Leave \
             one of the two out.",
        )),
        None => Ok(()),
    }
}

fn refuse_wrong_name(settings: &Settings, field: &str, name: &str) -> Result<()> {
    let wrong =
        |detail: String| Err(settings.wrong(field, format!("{field} is not valid"), detail));
    if name.starts_with("arn:") {
        return wrong(format!(
            "{name:?} is an ARN, by which Parameter Store lets others read but nobody write. Write the name of the \
             parameter, and reach its account by assume_role or profile."
        ));
    }
    let is_part = |byte: u8| byte.is_ascii_alphanumeric() || b"_.-".contains(&byte);
    let rooted = name.strip_prefix('/');
    let levels: Vec<&str> = without_root(name).split('/').collect();
    let fits = name.len() <= LONGEST_NAME
        && levels.len() <= MOST_LEVELS
        && levels
            .iter()
            .all(|it| !it.is_empty() && it.bytes().all(is_part))
        && (rooted.is_some() || levels.len() == 1);
    if !fits {
        return wrong(format!(
            "{name:?} is no name of a parameter: letters, digits and _ . -, {LONGEST_NAME} characters at most; with levels \
             it begins with a slash, such as \"/prod/payments/key\", and has {MOST_LEVELS} at most."
        ));
    }
    let first = levels[0].to_ascii_lowercase();
    if first.starts_with("aws") || first.starts_with("ssm") {
        return wrong(format!(
            "{name:?} begins with aws or ssm, which AWS keeps for itself. Choose a name that begins with another word."
        ));
    }
    Ok(())
}

/// `x` and `/x` have one ARN, and so are one parameter.
pub fn without_root(name: &str) -> &str {
    name.strip_prefix('/').unwrap_or(name)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use tf_provider::value::ValueAny;

    use super::*;
    use crate::error::{Error, Path};

    fn read(entries: &[(&str, &str)]) -> Result<Place, Error> {
        let fields: BTreeMap<String, ValueAny> = entries
            .iter()
            .map(|(name, value)| ((*name).to_owned(), ValueAny::String((*value).into())))
            .collect();
        Place::read(&Settings::new(Path::root("here"), &fields))
    }

    #[test]
    fn a_wrong_setting_is_blamed_on_its_attribute() {
        let two = [("name", "/a/b"), ("secondary_name", "/a/c")];
        let deep = "/x".repeat(16);
        for (entries, path) in [
            (vec![], "here.name"),
            (vec![("name", "a b")], "here.name"),
            (vec![("name", "prod/payments")], "here.name"),
            (vec![("name", "/prod//payments")], "here.name"),
            (vec![("name", "/prod/")], "here.name"),
            (vec![("name", deep.as_str())], "here.name"),
            (vec![("name", "/aws/key")], "here.name"),
            (vec![("name", "SSMkey")], "here.name"),
            (
                vec![("name", "arn:aws:ssm:eu-west-1:123456789012:parameter/x")],
                "here.name",
            ),
            (
                vec![("name", "x"), ("secondary_name", "/x")],
                "here.secondary_name",
            ),
            (
                vec![("name", "x"), ("secondary_name", "a b")],
                "here.secondary_name",
            ),
            (vec![two[0], two[1], ("layout", "flat")], "here.layout"),
            (vec![("name", "x"), ("tier", "advanced")], "here.tier"),
            (vec![("name", "x"), ("region", "here")], "here.region"),
            (
                vec![("name", "x"), ("kms_key_id", "payments")],
                "here.kms_key_id",
            ),
            (
                vec![("name", "x"), ("on_destroy", "burn")],
                "here.on_destroy",
            ),
        ] {
            let error = read(&entries).err().unwrap();
            assert_eq!(error.path.to_string(), path, "{error}");
        }
    }

    #[test]
    fn names_with_and_without_levels_are_taken() {
        for name in ["payments", "/payments", "/prod/payments/key_1.b-c"] {
            assert_eq!(read(&[("name", name)]).ok().unwrap().name, name);
        }
        let large = read(&[("name", "x"), ("tier", "Advanced")]).ok().unwrap();
        assert_eq!(large.size_limit(), 8192);
    }
}
