//! The declaration of one API: everything that its keys have in common.

use reqwest::Url;
use std::collections::BTreeMap;

use super::list::{Conditions, List};
use super::login::Login;
use super::pick::{Pointer, SecretAt, TimeFormat};
use super::request::{CREATE, DISABLE, LOOK, REVOKE, REVOKE_UNSEEN, Request, statuses, template};
use super::values::{EXPIRES, KEY_ID, NOW, SECRET, TOKEN};
use crate::duration::Duration;
use crate::error::{Error, Result};
use crate::http::{Template, is_encrypted_or_local};
use crate::settings::{DROPPED, Settings};

/// An API. Exists only if every request of it can be made.
pub(super) struct Api {
    pub name: String,
    pub base: Url,
    pub login: Login,
    parameters: Vec<String>,
    pub times: TimeFormat,
    pub expires_in: Option<Duration>,
    pub limit: Option<usize>,
    pub list_lag: Duration,
    pub last_use_lag: Duration,
    pub retry: Vec<u16>,
    pub create: Create,
    pub list: Option<List>,
    pub disable: Option<Request>,
    pub revoke: Request,
    pub verify: Option<Verify>,
    pub last_used: Option<(Request, Pointer)>,
}

/// The request `create`, and where its answer holds what.
pub(super) struct Create {
    pub request: Request,
    pub id: Pointer,
    pub secret: SecretAt,
    pub created_at: Option<Pointer>,
    /// Status codes that say that there is no room.
    pub full: Vec<u16>,
}

/// The request `verify`, and how its answer is judged.
pub(super) struct Verify {
    pub request: Request,
    pub base: Option<Url>,
    pub basic: Option<(Template, Template)>,
    pub refused: Vec<u16>,
    pub expect: Conditions,
}

impl Api {
    /// Reads a declaration. Errors carry the attribute path.
    pub fn read(name: &str, settings: &Settings) -> Result<Self> {
        let parameters = parameters(settings)?;
        let expires_in = settings.duration("expires_in")?;
        let names = Names {
            parameters: parameters.iter().map(String::as_str).collect(),
            expires: expires_in.is_some(),
        };
        let create = Create::read(&part(settings, "create")?, &names)?;
        let usual = match settings.object("list") {
            Some(_) => &REVOKE,
            None => &REVOKE_UNSEEN,
        };
        let api = Self {
            name: name.to_owned(),
            base: address(settings, "base_url")?,
            login: Login::read(settings)?,
            times: TimeFormat::read_from(settings, "time_format")?,
            expires_in,
            limit: limit(settings)?,
            list_lag: settings.duration("list_lag")?.unwrap_or_default(),
            last_use_lag: settings.duration("last_use_lag")?.unwrap_or_default(),
            retry: statuses(settings, "retry", 400..=499)?,
            list: optional(settings, "list", |it| {
                List::read(it, &names.of_the_account())
            })?,
            disable: optional(settings, "disable", |it| {
                Request::read(it, &DISABLE, &names.of_a_key(&[]))
            })?,
            // A revocation that failed is repeated when no document holds the secret any more.
            revoke: Request::read(&part(settings, "revoke")?, usual, &names.of_a_key(&[]))?,
            verify: optional(settings, "verify", |it| Verify::read(it, &names))?,
            last_used: optional(settings, "last_used", |it| {
                let request = Request::read(it, &LOOK, &names.of_a_key(&[]))?;
                Ok((request, Pointer::required(it, "at")?))
            })?,
            create,
            parameters: parameters.clone(),
        };
        api.refuse_what_contradicts(settings)?;
        Ok(api)
    }

    fn refuse_what_contradicts(&self, settings: &Settings) -> Result<()> {
        if !self.revoke.holds(KEY_ID) {
            return Err(Error::invalid(
                settings.path_of("revoke"),
                "revoke does not say which key",
                "{{key_id}} stands nowhere in it, so it would end whatever it likes. Add it.",
            ));
        }
        let named = self.list.as_ref().and_then(|list| list.name.as_ref());
        if named.is_some() && !self.create.request.holds(TOKEN) {
            return Err(part(settings, "list")?.wrong(
                "name",
                "name holds no token",
                "create puts {{token}} nowhere, so no key could be told by its name. Put it into the name, note or description \
                 that create sends.",
            ));
        }
        let unused = self
            .parameters
            .iter()
            .find(|parameter| !self.holds(parameter));
        match unused {
            None => Ok(()),
            Some(unused) => Err(settings.wrong(
                "parameters",
                format!("The parameter {unused:?} is not used"),
                format!("{{{{{unused}}}}} stands in no request. Leave it out, or put it where the API wants it."),
            )),
        }
    }

    /// Whether a placeholder stands in any request.
    fn holds(&self, name: &str) -> bool {
        let last_used = self.last_used.iter().map(|(request, _)| request);
        let verify = self.verify.iter().map(|verify| &verify.request);
        let requests = [&self.create.request, &self.revoke].into_iter();
        let mut requests = requests.chain(&self.disable).chain(last_used).chain(verify);
        let basic = self.verify.iter().flat_map(|it| {
            it.basic
                .iter()
                .flat_map(|(user, password)| [user, password])
        });
        requests.any(|request| request.holds(name))
            || basic.into_iter().any(|template| template.holds(name))
            || self.list.as_ref().is_some_and(|list| list.holds(name))
    }

    /// The values of the parameters that a resource gives: all of them and no others.
    pub fn parameters_of(&self, settings: &Settings) -> Result<BTreeMap<String, String>> {
        let given = settings.string_map("parameters");
        let path = settings.path_of("parameters");
        let wanted = match self.parameters.is_empty() {
            true => format!("The API {:?} has no parameters.", self.name),
            false => format!(
                "The API {:?} has {}.",
                self.name,
                self.parameters.join(", ")
            ),
        };
        // What is misspelt is named before what is missing because of it.
        let other = given
            .keys()
            .find(|name| !self.parameters.iter().any(|it| it == *name));
        if let Some(other) = other {
            let summary = format!("There is no parameter {other:?}");
            return Err(Error::invalid(path.key(other), summary, wanted));
        }
        for name in &self.parameters {
            let (summary, detail) = match given.get(name.as_str()).map(|value| value.trim()) {
                Some("") => (
                    format!("The parameter {name:?} is empty"),
                    "Give it a value.".to_owned(),
                ),
                Some(_) => continue,
                None => (
                    format!("The parameter {name:?} is missing"),
                    format!("{wanted} Set {}.", path.key(name)),
                ),
            };
            return Err(Error::invalid(path.key(name), summary, detail));
        }
        let owned = |(name, value): (&str, &str)| (name.to_owned(), value.to_owned());
        Ok(given.into_iter().map(owned).collect())
    }

    /// Whether a mint can be told by the label of its key.
    pub fn labels(&self) -> bool {
        self.list.as_ref().is_some_and(|list| list.name.is_some())
    }
}

/// The names of placeholders, by what a request is about.
struct Names<'a> {
    parameters: Vec<&'a str>,
    expires: bool,
}

impl<'a> Names<'a> {
    fn of_the_account(&self) -> Vec<&'a str> {
        self.parameters.clone()
    }

    fn of_a_mint(&self) -> Vec<&'a str> {
        let expires = EXPIRES.iter().filter(|_| self.expires);
        let own = [TOKEN].into_iter().chain(NOW).chain(expires.copied());
        own.chain(self.parameters.iter().copied()).collect()
    }

    fn of_a_key(&self, more: &[&'a str]) -> Vec<&'a str> {
        let own = [KEY_ID].into_iter().chain(more.iter().copied());
        own.chain(self.parameters.iter().copied()).collect()
    }
}

impl Create {
    fn read(settings: &Settings, names: &Names) -> Result<Self> {
        Ok(Self {
            request: Request::read(settings, &CREATE, &names.of_a_mint())?,
            id: Pointer::required(settings, "id")?,
            secret: SecretAt::read(settings, "secret")?,
            created_at: Pointer::read(settings, "created_at")?,
            full: statuses(settings, "full", 400..=499)?,
        })
    }
}

impl Verify {
    fn read(settings: &Settings, names: &Names) -> Result<Self> {
        let names = names.of_a_key(&[SECRET]);
        let verify = Self {
            request: Request::read(settings, &LOOK, &names)?,
            base: settings
                .string("base_url")
                .map(|_| address(settings, "base_url"))
                .transpose()?,
            basic: basic(settings, &names)?,
            refused: match statuses(settings, "refused", 400..=499)? {
                none if none.is_empty() => vec![401, 403],
                refused => refused,
            },
            expect: Conditions::read(settings, "expect", &names)?,
        };
        let in_basic = verify
            .basic
            .iter()
            .any(|(user, password)| user.holds(SECRET) || password.holds(SECRET));
        match in_basic || verify.request.holds(SECRET) {
            true => Ok(verify),
            false => Err(Error::invalid(
                settings.path().clone(),
                "verify does not use the key",
                format!(
                    "{{{{secret}}}} stands nowhere in it, so the answer would say nothing of the key. Add it, such as headers = \
                     {{ Authorization = \"Bearer {{{{secret}}}}\" }}. {DROPPED}"
                ),
            )),
        }
    }
}

fn basic(settings: &Settings, names: &[&str]) -> Result<Option<(Template, Template)>> {
    let Some(fields) = settings.object("basic") else {
        return Ok(None);
    };
    let read = |name: &str| {
        let text = fields.string(name).unwrap_or_default();
        template(fields.path_of(name), name, text, names)
    };
    Ok(Some((read("username")?, read("password")?)))
}

/// A request that must be there.
fn part<'a>(settings: &Settings<'a>, name: &str) -> Result<Settings<'a>> {
    settings.object(name).ok_or_else(|| {
        settings.wrong(
            name,
            format!("{name} is missing"),
            format!(
                "A key cannot be managed without it. Set {}. {DROPPED}",
                settings.path_of(name)
            ),
        )
    })
}

fn optional<T>(
    settings: &Settings,
    name: &str,
    read: impl FnOnce(&Settings) -> Result<T>,
) -> Result<Option<T>> {
    settings.object(name).map(|it| read(&it)).transpose()
}

fn parameters(settings: &Settings) -> Result<Vec<String>> {
    let taken: Vec<&str> = [KEY_ID, SECRET, TOKEN]
        .into_iter()
        .chain(NOW)
        .chain(EXPIRES)
        .collect();
    let read = |name: &str| {
        let fits = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_';
        let why = match name {
            name if taken.contains(&name) => "has a meaning of its own",
            name if !name.is_empty() && name.bytes().all(fits) => return Ok(name.to_owned()),
            _ => "is not made of lower-case letters, digits and underscores",
        };
        let detail = format!("{name:?} {why}. Choose another name for the placeholder.");
        Err(settings.wrong("parameters", "parameters is not valid", detail))
    };
    settings
        .strings("parameters")
        .into_iter()
        .map(read)
        .collect()
}

fn limit(settings: &Settings) -> Result<Option<usize>> {
    let Some(number) = settings.integer("limit") else {
        return Ok(None);
    };
    let limit = usize::try_from(number).ok().filter(|limit| *limit > 1);
    limit.map(Some).ok_or_else(|| {
        settings.wrong(
            "limit",
            "limit is not valid",
            format!("{number} is too small: a rotation needs room for two keys."),
        )
    })
}

/// An address that credentials may be sent to.
pub(super) fn address(settings: &Settings, name: &str) -> Result<Url> {
    let text = settings.required_string(name)?;
    let wrong = |detail: String| settings.wrong(name, format!("{name} is not valid"), detail);
    if text.contains("{{") {
        return Err(wrong("It holds a placeholder. Credentials are sent to one server alone, which no resource chooses.".into()));
    }
    let url = Url::parse(text).map_err(|error| wrong(format!("It cannot be read: {error}.")))?;
    if !matches!(url.scheme(), "https" | "http") || !url.has_host() {
        return Err(wrong("It begins with neither https:// nor http://.".into()));
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(wrong(
            "It holds a user name or password, which would be shown in messages. Use basic.".into(),
        ));
    }
    if url.query().is_some() || url.fragment().is_some() {
        return Err(wrong(
            "It holds a query or a fragment. Put them into query of the requests.".into(),
        ));
    }
    match is_encrypted_or_local(&url) {
        true => Ok(url),
        false => Err(wrong(format!(
            "Credentials would travel unencrypted to {}. Use https; http is allowed to this machine (localhost, 127.0.0.1, \
             ::1).",
            url.host_str().unwrap_or_default()
        ))),
    }
}
