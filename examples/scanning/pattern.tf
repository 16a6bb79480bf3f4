# How GitHub's secret scanning recognises keys of the issuer generated with this prefix.
output "pattern" {
  value = provider::apikey::scan_pattern("acme").github
}
