//! The attributes of the provider block `kubernetes`, in the words of hashicorp/kubernetes.

use tf_provider::schema::AttributeType;

use crate::schema::{Attributes, attributes as table, list_of, optional, sensitive, string_map};

/// The attributes of the provider block `kubernetes`.
pub fn attributes() -> Attributes {
    let text = |words: &str| optional(AttributeType::String, words);
    let strings = |words: &str| optional(list_of(AttributeType::String), words);
    table([
        (
            "host",
            text("URL of the API server. Default: `KUBE_HOST`, the cluster of the kubeconfig."),
        ),
        (
            "token",
            sensitive(text(
                "Token of a service account. Default: `KUBE_TOKEN`, the user of the kubeconfig.",
            )),
        ),
        (
            "cluster_ca_certificate",
            text(
                "Certificates to trust, in PEM, in place of those of the machine. Default: `KUBE_CLUSTER_CA_CERT_DATA`, the \
                 cluster of the kubeconfig.",
            ),
        ),
        (
            "client_certificate",
            text(
                "Client certificate in PEM. Default: `KUBE_CLIENT_CERT_DATA`, the user of the kubeconfig.",
            ),
        ),
        (
            "client_key",
            sensitive(text(
                "Key of the client certificate in PEM. Default: `KUBE_CLIENT_KEY_DATA`.",
            )),
        ),
        (
            "tls_server_name",
            text(
                "Name that the certificate of the API server has, where it is not that of `host`. The server is then reached \
                 without a proxy. Default: `KUBE_TLS_SERVER_NAME`, the cluster of the kubeconfig.",
            ),
        ),
        (
            "proxy_url",
            text(
                "URL of the proxy (http or https) to the API server. Default: `KUBE_PROXY_URL`, the cluster of the kubeconfig, \
                 `HTTPS_PROXY`.",
            ),
        ),
        (
            "config_path",
            text("Path of a kubeconfig; `~` is the home directory. Default: `KUBE_CONFIG_PATH`."),
        ),
        (
            "config_paths",
            strings(
                "Paths of kubeconfigs, of which the first that has something counts. Default: `KUBE_CONFIG_PATHS`, separated \
                 as in `PATH`.",
            ),
        ),
        (
            "config_context",
            text("Context of the kubeconfig. Default: `KUBE_CTX`, the current context."),
        ),
        (
            "config_context_auth_info",
            text(
                "User of the kubeconfig in place of that of the context. Default: `KUBE_CTX_AUTH_INFO`.",
            ),
        ),
        (
            "config_context_cluster",
            text(
                "Cluster of the kubeconfig in place of that of the context. Default: `KUBE_CTX_CLUSTER`.",
            ),
        ),
        (
            "exec",
            optional(
                AttributeType::AttributeSingle(table([
                    (
                        "api_version",
                        text(
                            "Version in which the command answers, `client.authentication.k8s.io/v1` or \
                             `client.authentication.k8s.io/v1beta1`. Required.",
                        ),
                    ),
                    ("command", text("The command. Required.")),
                    ("args", strings("Its arguments.")),
                    (
                        "env",
                        optional(
                            string_map(),
                            "Variables that it gets beside those of the environment.",
                        ),
                    ),
                ])),
                "Command that hands out credentials, such as `aws eks get-token`. It is asked again when they run out.",
            ),
        ),
    ])
}
