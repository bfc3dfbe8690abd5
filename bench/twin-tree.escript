#!/usr/bin/env escript
%% SPDX-License-Identifier: LGPL-2.1-or-later
%%! +S 1:1 +SDio 1 +P 20000000
%% twin-tree.escript N ROUNDS: N processes under regions of a thousand under one fleet, as twin-tree.c has twins. A name finds
%% each (an ETS table). A site tells its region what changed, a region its fleet, ten times a second. One scheduler.
-mode(compile).

-define(PER_REGION, 1000).
-define(STEP, 7919).
-define(INTERVAL, 100).

main([N0, Rounds0]) ->
    N = list_to_integer(N0),
    Rounds = list_to_integer(Rounds0),
    Names = ets:new(names, [set, public, {keypos, 1}]),
    Driver = self(),
    Fleet = spawn(fun() -> fleet({0.0, 0.0, 0.0, 0.0, 0.0}) end),
    Ids = [iolist_to_binary(io_lib:format("site/r~4..0b/s~7..0b", [I div ?PER_REGION, I])) || I <- lists:seq(0, N - 1)],
    garbage_collect(),
    Before = resident(),
    Began = cpu_s(),
    Regions = list_to_tuple([spawn(fun() -> region(Fleet, Driver, {0.0, 0.0, 0.0, 0.0, 0.0}, 0, false) end) || _ <- lists:seq(0, (N - 1) div ?PER_REGION)]),
    Sites = list_to_tuple([activate(Names, Regions, I, Id) || {I, Id} <- lists:zip(lists:seq(0, N - 1), Ids)]),
    Activation = cpu_s() - Began,
    garbage_collect(),
    Bytes = (resident() - Before) / N,
    Began2 = cpu_s(),
    lists:foreach(fun(Round) -> round(Sites, N, Round, 0), wait(N) end, lists:seq(1, Rounds)),
    Sum = settle(tuple_to_list(Regions), Fleet),
    Updates = cpu_s() - Began2,
    Expected = lists:sum([float((I + Rounds) rem 1000 + 4) || I <- lists:seq(0, N - 1)]),
    case abs(Sum - Expected) > 1.0e-6 * Expected of
        true -> io:format(standard_error, "the fleet's sum is ~p, not ~p~n", [Sum, Expected]), halt(1);
        false -> ok
    end,
    io:format("{\"bytes_per_actor\": ~b, \"activations_per_cpu_s\": ~b, \"updates_per_cpu_s\": ~b}~n",
              [round(Bytes), round(N / Activation), round(N * Rounds / Updates)]).

activate(Names, Regions, I, Id) ->
    Region = element(I div ?PER_REGION + 1, Regions),
    Site = spawn(fun() -> site(Region, {0.0, 0.0, 0.0, 0.0, 0.0}) end),
    ets:insert(Names, {Id, Site}),
    Site.

round(_, N, _, N) -> ok;
round(Sites, N, Round, I) ->
    At = I * ?STEP rem N,
    V = float((At + Round) rem 1000),
    element(At + 1, Sites) ! {V, V + 1, V + 2, V + 3, V + 4},
    round(Sites, N, Round, I + 1).

%% Regions say when all of theirs have spoken, so that no mailbox grows beyond a round.
wait(0) -> ok;
wait(N) -> receive {done, Count} -> wait(N - Count) end.

site(Region, {A, B, C, D, E}) ->
    receive
        {A2, B2, C2, D2, E2} = New ->
            Region ! {A2 - A, B2 - B, C2 - C, D2 - D, E2 - E},
            site(Region, New)
    end.

region(Fleet, Driver, {A, B, C, D, E} = Sums, Count, IsArmed) ->
    receive
        {DA, DB, DC, DD, DE} ->
            New = {A + DA, B + DB, C + DC, D + DD, E + DE},
            IsArmed orelse erlang:send_after(?INTERVAL, self(), tell),
            case Count + 1 of
                ?PER_REGION -> Driver ! {done, ?PER_REGION}, region(Fleet, Driver, New, 0, true);
                More -> region(Fleet, Driver, New, More, true)
            end;
        tell ->
            Fleet ! Sums,
            region(Fleet, Driver, {0.0, 0.0, 0.0, 0.0, 0.0}, Count, false);
        {settle, From} ->
            Fleet ! Sums,
            From ! settled,
            region(Fleet, Driver, {0.0, 0.0, 0.0, 0.0, 0.0}, Count, IsArmed)
    end.

fleet({A, B, C, D, E}) ->
    receive
        {sum, From} -> From ! {sum, E}, fleet({A, B, C, D, E});
        {DA, DB, DC, DD, DE} -> fleet({A + DA, B + DB, C + DC, D + DD, E + DE})
    end.

settle([], Fleet) -> Fleet ! {sum, self()}, receive {sum, Sum} -> Sum end;
settle([Region | Rest], Fleet) -> Region ! {settle, self()}, receive settled -> settle(Rest, Fleet) end.

cpu_s() ->
    {ok, Text} = file:read_file("/proc/self/stat"),
    [_, After] = string:split(Text, ") ", trailing),
    Fields = string:lexemes(After, " "),
    (binary_to_integer(lists:nth(12, Fields)) + binary_to_integer(lists:nth(13, Fields))) / 100.

resident() ->
    {ok, Text} = file:read_file("/proc/self/statm"),
    binary_to_integer(lists:nth(2, string:lexemes(Text, " "))) * 4096.
