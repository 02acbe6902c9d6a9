// Catch2's session, compiled once for all test binaries: it takes longer than most rooms.
#pragma once

int run_tests(int argc, char** argv);
