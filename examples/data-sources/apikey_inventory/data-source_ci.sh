# In a pipeline, once a day: 2 is something to apply, 1 is an error or a condition that does not hold, 0 is neither
# 0 does not say that all is well: what no apply can mend, such as a blocked key, a lost secret or a primary that was switched
# off, is a warning of the plan. The check `every_key_goes_on` above tells of it, and so do the warnings themselves:
# terraform plan -input=false -json | jq -r 'select(.diagnostic.severity == "warning").diagnostic.summary'
trap 'rm -f keys.tfplan' EXIT
code=0 # so that 2 does not end a script that runs under -e, as those of GitHub Actions do
terraform plan -detailed-exitcode -input=false -out=keys.tfplan || code=$?
case $code in
  0) echo "There is nothing to apply." ;;
  2) terraform apply -input=false keys.tfplan ;;
  *) exit 1 ;;
esac
