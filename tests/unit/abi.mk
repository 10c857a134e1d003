# The coverage list is true.
TESTS += unit/abi-coverage.sh
dist_check_SCRIPTS += unit/abi-coverage.sh
