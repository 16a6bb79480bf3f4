# In a pipeline, once a day: 0 is quiet, 2 is something to apply, 1 is an error or a condition that does not hold
terraform plan -detailed-exitcode -input=false -out=keys.tfplan
case $? in
  0) echo "Nothing is due, and nothing is wrong." ;;
  2) terraform apply -input=false keys.tfplan ;;
  *) exit 1 ;;
esac
