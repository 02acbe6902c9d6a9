#include "outside.hpp"
#include "pods/keeper.hpp"
#include "tests/run_tests.hpp"

int main(int argc, char** argv) {
    if (argc > 1 && argv[1] == pods::keeper_command) return pods::keeper_main(argc, argv);
    if (argc > 3 && argv[1] == pods::testing::gateway_command) return pods::testing::gateway_main(argc, argv);
    return run_tests(argc, argv);
}
