// Fair turns between keys, in virtual time.
#include "tests/router/desk.hpp"

TEST_CASE("one key's hundred prompts do not starve another key's one", "[pool][keys]") {
    Desk desk;
    desk.admit(1);
    for (int i = 0; i < 100; ++i) desk.arrive_with(7);
    CHECK(desk.granted() == "1@1");
    CHECK(desk.arrive_with(8) == 101);
    CHECK(desk.granted().empty());
    desk.leave(1);
    CHECK(desk.granted() == "101@1");
    desk.leave(101);
    CHECK(desk.granted() == "2@1");
}

TEST_CASE("keys take turns, and within a key the order is that of arrival", "[pool][keys]") {
    Desk desk;
    for (const int key : {1, 1, 1, 2, 2, 3}) desk.arrive_with(key);
    desk.admit(1);
    std::string order;
    for (auto said = desk.granted(); !said.empty(); said = desk.granted()) {
        order += said + " ";
        desk.leave(std::stoi(said));
    }
    CHECK(order == "1@1 4@1 6@1 2@1 5@1 3@1 ");
}

TEST_CASE("requests with no key or with one and the same go by arrival alone", "[pool][keys]") {
    for (const int key : {0, 5}) {
        Desk desk;
        for (int i = 0; i < 3; ++i) desk.arrive_with(key);
        desk.admit(1);
        CHECK(desk.granted() == "1@1");
        desk.leave(1);
        CHECK(desk.granted() == "2@1");
    }
}

TEST_CASE("a key at its limit of slots waits beside a free one, and others do not", "[pool][keys]") {
    Desk desk;
    desk.admit(1);
    desk.admit(2);
    desk.arrive_with(1, 1);
    desk.arrive_with(1, 1);
    CHECK(desk.granted().size() == 3);
    CHECK(desk.pool.waiting() == 1);
    desk.arrive_with(2);
    CHECK(desk.granted().substr(0, 2) == "3@");
    desk.leave(3);
    CHECK(desk.granted().empty());
    desk.leave(1);
    CHECK(desk.granted().substr(0, 2) == "2@");
}

TEST_CASE("a session of a key waits for its own pod, whoever's turn it is", "[pool][keys]") {
    Desk desk;
    desk.admit(1);
    desk.admit(2);
    desk.arrive_with_for(1, 1);
    CHECK(desk.granted() == "1@1");
    desk.arrive_with_for(2, 1);
    desk.arrive_with(1);
    CHECK(desk.granted() == "3@2");
    desk.leave(3);
    CHECK(desk.granted().empty());
    desk.leave(1);
    CHECK(desk.granted() == "2@1");
}

TEST_CASE("a key has its bound of waiting requests, unless the next one need not wait", "[pool][keys]") {
    Desk desk;
    const router::Arrival arrival{std::nullopt, 0, router::Key(1), 0, 2};
    for (int i = 0; i < 2; ++i) {
        CHECK_FALSE(desk.pool.over_own_bound(arrival, desk.now));
        desk.arrive_with(1);
    }
    CHECK(desk.pool.over_own_bound(arrival, desk.now));
    CHECK_FALSE(desk.pool.over_own_bound({std::nullopt, 0, router::Key(2), 0, 2}, desk.now));
    desk.admit(1);
    desk.admit(2);
    desk.admit(3);
    desk.granted();
    CHECK_FALSE(desk.pool.over_own_bound(arrival, desk.now));
}

TEST_CASE("who comes with a key among those without one has a turn, and nobody is lost", "[pool][keys]") {
    Desk desk;
    desk.admit(1);
    for (int i = 0; i < 3; ++i) desk.arrive();
    CHECK(desk.granted() == "1@1");
    desk.arrive_with(9);
    desk.leave(1);
    std::string order;
    for (auto said = desk.granted(); !said.empty(); said = desk.granted()) {
        order += said + " ";
        desk.leave(std::stoi(said));
    }
    CHECK(order == "2@1 4@1 3@1 ");
    CHECK(desk.pool.running() + desk.pool.waiting() == 0);
}

TEST_CASE("who waits is told how many go before him when keys have turns", "[pool][keys]") {
    Desk desk;
    for (int i = 0; i < 10; ++i) desk.arrive_with(1);
    desk.arrive_with(2);
    CHECK(desk.pool.standing(router::Ticket(11))->ahead == 1);
    CHECK(desk.pool.standing(router::Ticket(10))->ahead == 10);
}
