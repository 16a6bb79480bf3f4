//! The attributes of the provider block `http`. What they may hold is for `api` and `request` to say.

use tf_provider::schema::{Attribute, AttributeType};

use crate::schema::{self, Attributes, list_of, optional, sensitive, string_map};

/// What the block is for.
pub const DESCRIPTION: &str = "APIs for the issuer `http`, by a name of your choice. Each attribute that is a request has \
     `method`, `path`, `query`, `headers` and `json` or `form`, whose values may hold `{{placeholders}}`: what is put in is \
     escaped for the place where it stands. See the guide \"Keys of any HTTP API\".";

/// The attributes of one API.
pub fn attributes() -> Attributes {
    let text = |words: &str| optional(AttributeType::String, words);
    let number = |words: &str| optional(AttributeType::Number, words);
    schema::attributes([
        (
            "base_url",
            text(
                "Address that all paths are added to: `https`, or `http` on this machine. Required.",
            ),
        ),
        (
            "headers",
            sensitive(optional(
                string_map(),
                "Headers of every request but `verify`, the credentials of the provider among them. The header of a request \
                 goes before one of the same name here.",
            )),
        ),
        (
            "basic",
            nested(basic(), "Authentication with a user name and a password."),
        ),
        (
            "oauth2",
            nested(
                oauth2(),
                "Authentication with a token that is fetched by client credentials.",
            ),
        ),
        (
            "parameters",
            optional(
                list_of(AttributeType::String),
                "Names of the placeholders that each resource gives a value, such as the account that its keys belong to.",
            ),
        ),
        (
            "time_format",
            text(
                "How the API writes times: `rfc3339` (default), `date`, `seconds` or `milliseconds` since 1970.",
            ),
        ),
        (
            "expires_in",
            text(
                "How long a key lives by itself, for the placeholders `{{expires_in}}` (seconds) and `{{expires_at}}` of \
                 `create`. It has to outlast the whole life of a key here (`stage_before` + `rotation_interval` + \
                 `grace_period`), and a plan refuses what does not.",
            ),
        ),
        (
            "limit",
            number(
                "How many keys an account holds at most. Told before a mint, where the keys are listed.",
            ),
        ),
        (
            "list_lag",
            text(
                "How late the list may be: a key that it lacks counts as gone only after this time. Default `0s`.",
            ),
        ),
        (
            "last_use_lag",
            text(
                "How late a use is reported. Comes on top of `revoke_only_if_unused_for` and `max_idle`. Default `0s`.",
            ),
        ),
        (
            "retry",
            optional(
                list_of(AttributeType::Number),
                "Status codes that mean that nothing was done and that the request may be sent again, beside 425 and 429. \
                 After 408 and 5xx, only what does not create is sent again.",
            ),
        ),
        ("create", nested(create(), "Creates a key. Required.")),
        ("list", nested(list(), "Lists the keys of an account.")),
        (
            "disable",
            nested(
                request("POST", "`key_id`, the parameters"),
                "Switches a key off before it is revoked.",
            ),
        ),
        (
            "revoke",
            nested(
                request("DELETE", "`key_id`, the parameters"),
                "Ends a key. Required.",
            ),
        ),
        (
            "verify",
            nested(
                verify(),
                "Uses a key once. Sent without the credentials of the provider.",
            ),
        ),
        (
            "last_used",
            nested(
                last_used(),
                "Tells when a key was last used, where `list` does not.",
            ),
        ),
    ])
}

fn nested(attributes: Attributes, words: &str) -> Attribute {
    optional(AttributeType::AttributeSingle(attributes), words)
}

fn request(method: &str, placeholders: &str) -> Attributes {
    let text = |words: &str| optional(AttributeType::String, words);
    schema::attributes([
        ("method", text(&format!("Default `{method}`."))),
        (
            "path",
            text(&format!(
                "Begins with `/`. Required. Placeholders of the whole request: {placeholders}."
            )),
        ),
        ("query", optional(string_map(), "Query, by name.")),
        ("headers", optional(string_map(), "More headers, by name.")),
        (
            "json",
            text("JSON body, such as `jsonencode({ name = \"{{token}}\" })`."),
        ),
        ("form", optional(string_map(), "Form body, by name.")),
        (
            "success",
            optional(
                list_of(AttributeType::Number),
                "Status codes of a success. Default: 200 to 299.",
            ),
        ),
        (
            "gone",
            optional(
                list_of(AttributeType::Number),
                "Status codes by which the API says for certain that there is no such key, or in `list` no such account. Default: \
                 404, 410; none in `create`, in `list`, and in `revoke` where no `list` is declared, since a path that \
                 is misspelt or no longer served is not found either.",
            ),
        ),
    ])
}

fn with<const N: usize>(mut attributes: Attributes, more: [(&str, Attribute); N]) -> Attributes {
    attributes.extend(schema::attributes(more));
    attributes
}

fn create() -> Attributes {
    let text = |words: &str| optional(AttributeType::String, words);
    let placeholders = "`token` (32 characters, other ones for each mint), `now`, `expires_at`, `expires_in`, the parameters; \
                        times as `{{now}}` (RFC 3339), `{{now:date}}`, `{{now:seconds}}` or `{{now:milliseconds}}`";
    with(
        request("POST", placeholders),
        [
            (
                "id",
                text(
                    "JSON pointer to the id of the new key, such as `/data/id`. Required: by it a key is revoked.",
                ),
            ),
            (
                "secret",
                text(
                    "JSON pointer to the secret; or a text that is put together of several, such as \
                     `{{/client_id}}:{{/client_secret}}`. Required.",
                ),
            ),
            (
                "created_at",
                text("JSON pointer to the time of its creation."),
            ),
            (
                "full",
                optional(
                    list_of(AttributeType::Number),
                    "Status codes by which the API says that there is no room for another key, such as 402. Such a request is \
                     not sent again.",
                ),
            ),
        ],
    )
}

fn list() -> Attributes {
    let text = |words: &str| optional(AttributeType::String, words);
    with(
        request("GET", "the parameters"),
        [
            (
                "items",
                text("JSON pointer to the array of keys. Default: the answer is the array."),
            ),
            (
                "items_may_be_absent",
                optional(
                    AttributeType::Bool,
                    "Whether the API leaves the array out, or writes null for it, where there is no key. Default `false`: an \
                     answer without it is no answer.",
                ),
            ),
            (
                "id",
                text("JSON pointer to the id, within a key. Required."),
            ),
            (
                "created_at",
                text(
                    "JSON pointer to the time of its creation, within a key. Required, or `name`.",
                ),
            ),
            (
                "name",
                text(
                    "JSON pointer to what `create` fills with `{{token}}`, within a key. A mint whose answer was lost is \
                     found by it.",
                ),
            ),
            (
                "last_used",
                text(
                    "JSON pointer to the time of its last use, within a key; null or absent if it was never used.",
                ),
            ),
            (
                "where",
                optional(
                    string_map(),
                    "Only keys that hold these values, by JSON pointer within a key, belong to the account. Values may hold \
                     the parameters.",
                ),
            ),
            (
                "active",
                optional(
                    string_map(),
                    "A key that does not hold these values, by JSON pointer, is switched off.",
                ),
            ),
            (
                "paging",
                nested(paging(), "How the list goes on. Default: it is whole."),
            ),
        ],
    )
}

fn paging() -> Attributes {
    let text = |words: &str| optional(AttributeType::String, words);
    let number = |words: &str| optional(AttributeType::Number, words);
    schema::attributes([
        (
            "style",
            text(
                "`link` (the header `Link`), `url` (the address of the next page, at `next`), `cursor` (its mark, at `next`, \
                 sent as `query`), `page` (its number, sent as `query`) or `offset` (how many keys came before it, sent as \
                 `query`). Required. No page lies on another server.",
            ),
        ),
        (
            "next",
            text(
                "JSON pointer to the address or mark of the next page; null, empty or absent on the last.",
            ),
        ),
        (
            "more",
            text(
                "JSON pointer to whether there is another page, where `next` is there on the last page too.",
            ),
        ),
        (
            "query",
            text("Name of the query parameter, such as `page`, `offset` or `after`."),
        ),
        ("first", number("Number of the first page. Default `1`.")),
        (
            "size",
            number(
                "How many keys a full page has: a shorter one is the last. Default: an empty one is.",
            ),
        ),
    ])
}

fn verify() -> Attributes {
    let text = |words: &str| optional(AttributeType::String, words);
    with(
        request(
            "GET",
            "`key_id`, `secret` (never in `path` or `query`), the parameters",
        ),
        [
            (
                "base_url",
                text("Another address than that of the API, where keys are used elsewhere."),
            ),
            (
                "basic",
                nested(
                    schema::attributes([
                        ("username", text("User name, with placeholders.")),
                        ("password", text("Password, with placeholders.")),
                    ]),
                    "HTTP Basic authentication, such as `{ username = \"{{key_id}}\", password = \"{{secret}}\" }`.",
                ),
            ),
            (
                "refused",
                optional(
                    list_of(AttributeType::Number),
                    "Status codes by which the API refuses a key. Any other failure says nothing of the key. Default: 401, 403.",
                ),
            ),
            (
                "expect",
                optional(
                    string_map(),
                    "What the answer must hold for a key that is accepted, by JSON pointer.",
                ),
            ),
        ],
    )
}

fn last_used() -> Attributes {
    with(
        request("GET", "`key_id`, the parameters"),
        [(
            "at",
            optional(
                AttributeType::String,
                "JSON pointer to the time; null if the key was never used. An answer without it tells nothing. Required.",
            ),
        )],
    )
}

fn basic() -> Attributes {
    let text = |words: &str| optional(AttributeType::String, words);
    schema::attributes([
        ("username", text("User name. Required.")),
        ("password", sensitive(text("Password. Required."))),
    ])
}

fn oauth2() -> Attributes {
    let text = |words: &str| optional(AttributeType::String, words);
    schema::attributes([
        (
            "token_url",
            text("Address that gives tokens: `https`, or `http` on this machine. Required."),
        ),
        ("client_id", text("Required.")),
        ("client_secret", sensitive(text("Required."))),
        ("scope", text("Scopes, with spaces between them.")),
        ("audience", text("Audience, where the server asks for one.")),
        (
            "client_in",
            text(
                "Where the client shows its secret: in a `header` (HTTP Basic, default) or in the `body`.",
            ),
        ),
    ])
}
