# The dashboard and the monitors of Datadog, which reads its keys from DD_API_KEY and DD_APP_KEY.
terraform {
  required_providers {
    datadog = { source = "DataDog/datadog" }
  }
}

variable "notify" {
  description = "Who hears of it, in the words of Datadog."
  type        = string
  default     = "@slack-keys"
}

locals {
  # The folder of this repository with what is ready.
  files = "${path.module}/../../../monitoring"
  # One that has lasted for a day has another message, if any.
  monitors = { for monitor in jsondecode(file("${local.files}/datadog/monitors.json")) :
    trimprefix(monitor.tags[1], "alert:") => merge(monitor, {
      message = "${monitor.message}\n\n${var.notify}"
      options = merge(monitor.options, {
        escalation_message = try("${monitor.options.escalation_message}\n\n${var.notify}", "")
      })
    })
  }
}

resource "datadog_monitor_json" "apikey" {
  for_each = local.monitors
  monitor  = jsonencode(each.value)
}

resource "datadog_dashboard_json" "apikey" {
  dashboard = file("${local.files}/datadog/dashboard.json")
}
