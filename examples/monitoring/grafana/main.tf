# The dashboards of Grafana, and the alerts of Prometheus as rules of Grafana. It finds its server by GRAFANA_URL and GRAFANA_AUTH.
terraform {
  required_providers {
    grafana = { source = "grafana/grafana" }
  }
}

locals {
  # The folder of this repository with what is ready.
  files = "${path.module}/../../../monitoring"
  rules = [for rule in yamldecode(file("${local.files}/prometheus/apikey.rules.yaml")).groups[0].rules : {
    name   = rule.alert
    expr   = rule.expr
    for    = try(rule.for, "0s")
    labels = rule.labels
    # In Grafana a value has the letter of its query.
    annotations = { for name, text in rule.annotations : name => replace(text, "{{ $value", "{{ $values.A.Value") }
  }]
}

data "grafana_data_source" "prometheus" {
  name = "Prometheus"
}

resource "grafana_folder" "apikey" {
  title = "API keys"
}

resource "grafana_dashboard" "apikey" {
  # Without "postgresql" where no ledger is in PostgreSQL.
  for_each    = toset(["prometheus", "postgresql"])
  folder      = grafana_folder.apikey.uid
  config_json = file("${local.files}/grafana/${each.key}.json")
  overwrite   = true
}

resource "grafana_rule_group" "apikey" {
  name             = "apikey"
  folder_uid       = grafana_folder.apikey.uid
  interval_seconds = 60

  dynamic "rule" {
    for_each = local.rules
    content {
      name        = rule.value.name
      for         = rule.value.for
      labels      = rule.value.labels
      annotations = rule.value.annotations
      condition   = "B"
      # What is in order answers with nothing.
      no_data_state  = "OK"
      exec_err_state = "Error"

      data {
        ref_id         = "A"
        datasource_uid = data.grafana_data_source.prometheus.uid
        model          = jsonencode({ refId = "A", expr = rule.value.expr, instant = true, range = false })
        relative_time_range {
          from = 600
          to   = 0
        }
      }
      # Whatever answers is wrong, with the value 0 as well.
      data {
        ref_id         = "B"
        datasource_uid = "__expr__"
        model          = jsonencode({ refId = "B", type = "math", expression = "is_number($A)" })
        relative_time_range {
          from = 0
          to   = 0
        }
      }
    }
  }
}
