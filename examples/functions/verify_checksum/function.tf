variable "key" {
  description = "A key that somebody pasted into the configuration."
  type        = string
  sensitive   = true
  default     = "acme_prod_madeUpForTheTests0123456789AB46901S"

  validation {
    condition     = provider::apikey::verify_checksum(var.key)
    error_message = "This is not a key of ours: its form or its checksum is wrong."
  }
}

# True for a key of the issuer `generated`, false for everything else.
output "is_one_of_ours" {
  value = provider::apikey::verify_checksum("ghp_looksLikeOneButIsNot")
}
