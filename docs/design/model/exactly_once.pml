/*
 * Claim, takeover and recovery of executions. README.md explains the model, its bounds and switches.
 *
 * Each transition is one atomic step. An operator that is frozen (SIGSTOP) is one whose next step
 * comes late, with what it knew before: every interleaving is searched, so nothing else is needed.
 */

#ifndef FAULTS
#define FAULTS 1
#endif

/* Each of these brings back a behaviour that the model shows to be wrong. */
#ifdef DEATH_PROVES_NO_START
#define NO_START_BY_CODE(p) true       /* whatever the exit code of a container without a start */
#else
#define NO_START_BY_CODE(p) (code[p] == UNUSABLE_INPUT)
#endif
#ifdef ATTACH_BY_NAME_ALONE
#define IS_MEANT(p) true
#else
#define IS_MEANT(p) IS_THERE(p)
#endif
#ifdef RECORD_UNCONDITIONALLY
#define MAY_RECORD(i, x) true
#else
#define MAY_RECORD(i, x) (MEANT(x) == known[i])
#endif

/* The Pod that an execution names counts as claimed until it is refused, or another is claimed. */
#ifdef NAMED_POD_IS_NO_CLAIM
#define MEANT(x) claimed[x]
#else
#define MEANT(x) ((claimed[x] == NO_POD && !refused[x]) -> named[x] : claimed[x])
#endif
#ifdef TAKEN_UP_AS_NEW_AGAIN
#define SEE(i)                         /* an execution that a run has left counts as new again */
#else
#define SEE(i) seen[i] = true
#endif
#ifdef SEND_INTO_ANY_POD
#define MAY_GET_AT_ONCE(o, x) true
#else
#define MAY_GET_AT_ONCE(o, x) (named[x] == spare[o])
#endif
#ifdef SEND_WITHOUT_FENCE
#define FENCE(o) true
#else
#define FENCE(o) (holder == (o))
#endif
#ifdef LEAD_AGAIN_AFTER_ANOTHER
#define HAS_BEEN_REPLACED(o) (holder != (o) && holder != NOBODY)
#else
#define HAS_BEEN_REPLACED(o) (latest != (o))
#endif
#ifdef CLAIM_WITHOUT_FENCE
#define MAY_CLAIM(o) true
#else
#define MAY_CLAIM(o) FENCE(o)
#endif
#ifdef REFUSE_WITHOUT_FENCE
#define MAY_REFUSE(o) true
#else
#define MAY_REFUSE(o) FENCE(o)
#endif

/* With REUSED, the Pod of the pool takes a second program, as a Pod of a tenant or of a session. */
#ifdef REUSED
#define TAKES_ANOTHER(p) (name[p] == UNIQUE && second[p] == NO_EXECUTION)
#define LAST_END EXIT_AGAIN
#define SOME_START_IN_LOG START_IN_LOG
#else
#define TAKES_ANOTHER(p) false
#define LAST_END EXIT
#define SOME_START_IN_LOG IN_LOG(STARTED | EXIT)
#endif
#ifdef END_OF_ANOTHER_PROVES
#define PROOF_OF_ALL (INPUT_ENDED | EXIT)
#else
#define PROOF_OF_ALL (INPUT_ENDED | LAST_END)
#endif

#define OPERATORS 2
#define EXECUTIONS 2
#define PODS 3                 /* Pod 0 waits in a pool at the start; the others are made */

#define NO_POD PODS
#define NOBODY OPERATORS
#define NO_EXECUTION EXECUTIONS
#define UNIQUE EXECUTIONS      /* the name of a Pod of the pool, which no other Pod ever has */

/* A Pod's object in the API server. */
#define UNMADE 0
#define PRESENT 1
#define DELETING 2
#define GONE 3

/* A Pod's container. */
#define ABSENT 0               /* it has no node yet */
#define LISTENING 1            /* its supervisor waits for the hello */
#define GREETED 2              /* its supervisor waits for the frame */
#define EXECUTING 3
#define DEAD 4

/* What the container's exit code says. */
#define NO_CODE 0
#define UNUSABLE_INPUT 1       /* 2: no program was started */
#define OTHER_CODE 2           /* 0, 1, 137, 143: nothing is known */

/* A supervisor's events: bits of a set, numbered in this order. */
#define READY 1
#define STARTED 2
#define EXIT 4
#define STARTED_AGAIN 8        /* the second program, with REUSED */
#define EXIT_AGAIN 16
#define INPUT_ENDED 32

/* One operator's work on one execution. */
#define IDLE 0
#define ANEW 1                 /* a Pod is to be got */
#define START 2                /* it is claimed and greeted, in any order */
#define SEND 3                 /* the fence was open; the frame is about to be sent */
#define LISTEN 4               /* to the attach */
#define READ 5                 /* the log, for a start or an end */
#define CLOSE 6                /* the program has not started in time: the input is to be ended */
#define WAIT 7                 /* for the end of a container whose input has ended */
#define RECORD 8               /* the end is to be written */

/* A Pod's attach. */
#define UNATTACHED 0
#define ATTACHED 1
#define HELLO_SENT 2

/* A final status. */
#define UNFINISHED 0
#define RESULT 1
#define FAILURE 2

byte faults;

byte holder = NOBODY;          /* of the Lease. The fence of operator o is open while it is o. */
bool leads[OPERATORS];         /* what the operator believes */
byte spare[OPERATORS];         /* the Pod that waits in its pool */
byte latest;                   /* the operator that acquired the Lease last */

byte object[PODS];
byte name[PODS];               /* that of an execution, or UNIQUE */
bool cut[PODS];                /* its node is lost: no log, no deletion, the container goes on */
byte container[PODS];
byte code[PODS];
bool away[PODS];               /* its containerd is down: nothing is copied */
byte said[PODS];               /* events that the supervisor has written */
byte unread[PODS];             /* those of them that containerd has not copied */
byte logged[PODS];             /* those that the log has now */
bool closed[PODS];             /* its standard input, for good (stdinOnce) */
byte ran[PODS];                /* the execution whose program was started in it */
byte second[PODS];             /* the one whose program was started in it after that */
bool attached[6];              /* PODS * OPERATORS */

byte claimed[EXECUTIONS];
byte final[EXECUTIONS];
bool made[EXECUTIONS];         /* it was created */
byte named[EXECUTIONS];        /* the waiting Pod that it names since its creation */
bool refused[EXECUTIONS];      /* that Pod will not get it: durable */
bool started[EXECUTIONS];      /* its program was started, ever */
bool exited[EXECUTIONS];       /* a supervisor has said how it ended */

byte state[4];                 /* OPERATORS * EXECUTIONS, as all that follow */
byte pod[4];                   /* the one that it works with */
byte wire[4];                  /* the one that its attach has reached, by name */
byte known[4];                 /* the claim as last read or written: the compare of its CAS */
bool checked[4];               /* the fence was open; the claim is about to be written */
bool has_claim[4];
bool refuses[4];               /* the fence was open; the refusal is about to be written */
bool seen[4];                  /* it may have been sent: it existed at the takeover, or had a run */
byte greeting[4];
byte outcome[4];

hidden byte q;

#define I (o * EXECUTIONS + x)
#define AT(p, o) attached[(p) * OPERATORS + (o)]
/* Kinds of faults. With one fault, the searches of each kind together are that of all. */
#ifndef ONLY
#define ONLY 0
#endif
#define LEASE_LOST 1                   /* by an operator that goes on */
#define OPERATOR_DIES 2
#define CONNECTION_LOST 3              /* of an attach */
#define RUN_FAILS 4                    /* of an execution, in the operator */
#define PROGRAM_KILLED 5
#define CONTAINERD_DIES 6
#define LOG_CUT 7
#define NODE_LOST 8
#define MAY_FAIL(kind) (faults < FAULTS && (ONLY == 0 || ONLY == kind))
#define IS_THERE(p) (object[p] == PRESENT || object[p] == DELETING)
#define HAS_RUN(p) (container[p] >= LISTENING)
#define LIVES(p) (HAS_RUN(p) && container[p] != DEAD)
#define LOG(p) (IS_THERE(p) && HAS_RUN(p) && !cut[p])
#define READS (state[I] == READ || state[I] == WAIT)
#define IN_LOG(event) ((logged[pod[I]] & (event)) != 0)
/* The events of execution x in its Pod p, and whether the log has them. */
#define EXIT_OF(p, x) (ran[p] == (x) -> EXIT : (second[p] == (x) -> EXIT_AGAIN : 0))
#define START_OF(p, x) (ran[p] == (x) -> STARTED : (second[p] == (x) -> STARTED_AGAIN : 0))
#define START_IN_LOG IN_LOG(START_OF(pod[I], x) | EXIT_OF(pod[I], x))
/* Whether the numbers of the events that the log has show that none is missing before the last. */
#define WITHOUT_GAP(p) ((said[p] & ~logged[p]) == 0)
/* What containerd has read, and so whoever was attached. */
#define COPIED(p) (said[p] & ~unread[p])
#define ATTACHABLE(p) (IS_THERE(p) && LIVES(p) && !closed[p] && !away[p] && !cut[p])
#define NAMED(x) ((IS_THERE(1) && name[1] == (x)) || (IS_THERE(2) && name[2] == (x)))
#define TO_REMOVE(x) ((object[1] == PRESENT && name[1] == (x)) || \
                      (object[2] == PRESENT && name[2] == (x)))
/* Whether something can still go wrong: everything has ended, and nobody is about to send. */
#define OVER (final[0] && final[1] && state[0] != START && state[1] != START && \
              state[2] != START && state[3] != START && state[0] != SEND && state[1] != SEND && \
              state[2] != SEND && state[3] != SEND)

inline say(p, event) {
    said[p] = said[p] | event;
    if
    :: away[p] -> unread[p] = unread[p] | event
    :: else -> logged[p] = logged[p] | event
    fi
}

/* Nothing can come of a Pod any more: what differs in its past alone is made equal. */
inline bury(p) {
    if
    :: object[p] == GONE && !LIVES(p) ->
        cut[p] = false; container[p] = ABSENT; code[p] = NO_CODE; away[p] = false; said[p] = 0;
        unread[p] = 0; logged[p] = 0; closed[p] = false; ran[p] = NO_EXECUTION; name[p] = UNIQUE;
        second[p] = NO_EXECUTION
    :: else
    fi
}

inline die(p, how) {
    container[p] = DEAD; code[p] = how; closed[p] = true;
    bury(p)
}

inline delete(p) {
    if
    :: p != NO_POD -> if
        :: object[p] == PRESENT -> object[p] = DELETING
        :: else
        fi
    :: else
    fi
}

inline forget(i) {
    pod[i] = NO_POD; wire[i] = NO_POD; known[i] = NO_POD; has_claim[i] = false; checked[i] = false;
    refuses[i] = false;
    greeting[i] = UNATTACHED; outcome[i] = UNFINISHED; state[i] = IDLE
}

/* The process of operator o ends, and begins anew: its containers' inputs end with it. */
inline end_operator(o) {
    q = 0;
    do
    :: q < PODS -> if
        :: AT(q, o) -> AT(q, o) = false; closed[q] = true
        :: else
        fi;
        q++
    :: else -> break
    od;
    q = 0;
    forget(o * EXECUTIONS);
    forget(o * EXECUTIONS + 1);
    leads[o] = false; spare[o] = NO_POD;
    seen[o * EXECUTIONS] = false; seen[o * EXECUTIONS + 1] = false
}

/* Nothing was started: the Pod is deleted, and another is got. A Pod that it only named may have
   run the other execution, so that Pod is left. */
inline never_started(i) {
    if
    :: pod[i] != NO_POD && name[pod[i]] == UNIQUE && !has_claim[i] && claimed[i % EXECUTIONS] != pod[i]
    :: else -> delete(pod[i])
    fi;
    pod[i] = NO_POD; has_claim[i] = false; greeting[i] = UNATTACHED; wire[i] = NO_POD;
    state[i] = ANEW
}

inline end_with(i, how) {
    outcome[i] = how; wire[i] = NO_POD; greeting[i] = UNATTACHED; has_claim[i] = false;
    state[i] = RECORD
}

/* A Pod: its object, node, containerd and supervisor. */
proctype Pod(byte p) provided (!OVER) {
    end: do
    :: d_step { object[p] == PRESENT && container[p] == ABSENT -> container[p] = LISTENING }
    :: d_step { (container[p] == LISTENING || container[p] == GREETED) && closed[p] ->
        say(p, INPUT_ENDED);
        if
        :: ran[p] == NO_EXECUTION -> die(p, UNUSABLE_INPUT)
        :: else -> die(p, OTHER_CODE)
        fi }
    :: d_step { container[p] == EXECUTING ->
        if
        :: second[p] != NO_EXECUTION -> say(p, EXIT_AGAIN); exited[second[p]] = true; die(p, OTHER_CODE)
        :: TAKES_ANOTHER(p) -> say(p, EXIT); exited[ran[p]] = true; container[p] = GREETED
        :: else -> say(p, EXIT); exited[ran[p]] = true; die(p, OTHER_CODE)
        fi }

    /* Its end without a word: killed, or out of memory. */
    :: d_step { container[p] == EXECUTING && MAY_FAIL(PROGRAM_KILLED) -> faults++; die(p, OTHER_CODE) }

    /* containerd dies: all attaches end, and with them the input, or not. */
    :: d_step { LIVES(p) && !away[p] && MAY_FAIL(CONTAINERD_DIES) ->
        faults++; away[p] = true; closed[p] = true; AT(p, 0) = false; AT(p, 1) = false }
    :: d_step { LIVES(p) && !away[p] && !closed[p] && MAY_FAIL(CONTAINERD_DIES) ->
        faults++; away[p] = true; AT(p, 0) = false; AT(p, 1) = false }
    /* It is back: what it has not copied of a container that has ended meanwhile is lost. */
    :: d_step { away[p] ->
        away[p] = false;
        if
        :: container[p] != DEAD -> logged[p] = logged[p] | unread[p]; unread[p] = 0
        :: else
        fi }

    /* The log loses its beginning. */
    :: d_step { logged[p] != 0 && MAY_FAIL(LOG_CUT) -> faults++; logged[p] = 0 }
    /* The node is lost. */
    :: d_step { HAS_RUN(p) && !cut[p] && IS_THERE(p) && MAY_FAIL(NODE_LOST) -> faults++; cut[p] = true }

    /* A deletion. */
    :: d_step { object[p] == DELETING && LIVES(p) && !cut[p] && !away[p] -> die(p, OTHER_CODE) }
    :: d_step { object[p] == DELETING && (cut[p] || !LIVES(p)) ->
        object[p] = GONE; AT(p, 0) = false; AT(p, 1) = false; closed[p] = true; bury(p) }
    od
}

/* The gateways: each creates an execution, which may name a Pod that waits, or has waited. */
proctype Gateway(byte x) provided (!OVER) {
    end: do
    :: d_step { !made[x] -> made[x] = true }
    :: d_step { !made[x] -> made[x] = true; named[x] = 0 }
    :: d_step { !made[x] && object[2] != UNMADE && name[2] == UNIQUE -> made[x] = true; named[x] = 2 }
    od
}

/* An operator's process and its Lease. */
proctype Operator(byte o) provided (!OVER) {
    end: do
    /* It acquires the Lease, and then lists what exists. */
    :: d_step { holder == NOBODY && !leads[o] ->
        holder = o; leads[o] = true; latest = o;
        seen[o * EXECUTIONS] = made[0]; seen[o * EXECUTIONS + 1] = made[1] }
    /* At its takeover it found that no execution named the Pod. */
    :: d_step { leads[o] && spare[o] != 0 && object[0] == PRESENT && MEANT(0) != 0 &&
                MEANT(1) != 0 -> delete(0) }
    :: d_step { leads[o] && spare[o] != 2 && object[2] == PRESENT && name[2] == UNIQUE &&
                MEANT(0) != 2 && MEANT(1) != 2 -> delete(2) }
#ifdef ONE_EXECUTION
    /* It fills its pool. */
    :: d_step { leads[o] && o == 1 && spare[o] == NO_POD && object[2] == UNMADE ->
        object[2] = PRESENT; container[2] = GREETED; said[2] = READY; logged[2] = READY;
        AT(2, o) = true; spare[o] = 2 }
#endif
    /* Nobody hears of it for the duration of the Lease: frozen, or cut off. */
    :: d_step { holder == o && MAY_FAIL(LEASE_LOST) -> faults++; holder = NOBODY }
    :: d_step { holder == NOBODY && leads[o] && !HAS_BEEN_REPLACED(o) -> holder = o }
    :: d_step { leads[o] && HAS_BEEN_REPLACED(o) -> end_operator(o) }
    :: d_step { leads[o] && MAY_FAIL(OPERATOR_DIES) ->
        faults++;
        if
        :: holder == o -> holder = NOBODY
        :: else
        fi;
        end_operator(o) }
    od
}

/* What operator o does for execution x. */
proctype Work(byte o; byte x) provided (!OVER) {
    end: do
    /* It takes it up: anew, with the Pod that was claimed before, or that it may have had. */
    :: d_step { state[I] == IDLE && leads[o] && made[x] && !final[x] && seen[I] ->
        known[I] = MEANT(x);
        pod[I] = MEANT(x);
        if
        :: pod[I] == NO_POD -> state[I] = ANEW
        :: else -> if
            :: !IS_THERE(pod[I]) -> end_with(I, FAILURE)
            :: IS_THERE(pod[I]) && !HAS_RUN(pod[I]) -> never_started(I)
            :: else -> state[I] = READ
            fi
        fi }
    /* It sees it for the first time, and knows that no other operator has sent it. */
    :: d_step { state[I] == IDLE && leads[o] && made[x] && !final[x] && !seen[I] ->
        SEE(I); known[I] = named[x]; state[I] = ANEW }
    /* Likewise, and the named Pod waits: it gets the input at once, without another write. */
    :: d_step { state[I] == IDLE && leads[o] && made[x] && !final[x] && !seen[I] &&
                named[x] != NO_POD && spare[o] != NO_POD && MAY_GET_AT_ONCE(o, x) &&
                AT(spare[o], o) && FENCE(o) ->
        SEE(I); known[I] = named[x]; pod[I] = spare[o]; wire[I] = spare[o]; spare[o] = NO_POD;
        has_claim[I] = true; greeting[I] = HELLO_SENT; state[I] = SEND }
    /* It has to wait, so that the named Pod is refused. The write may come late after the look at
       the fence. */
    :: d_step { state[I] == ANEW && named[x] != NO_POD && known[I] == named[x] && !refuses[I] &&
                MAY_REFUSE(o) -> refuses[I] = true }
    :: d_step { refuses[I] ->
        refuses[I] = false;
        if
        :: !final[x] && claimed[x] == NO_POD -> refused[x] = true; known[I] = NO_POD
        :: else
        fi }

    /* A Pod is got: the one that waits, or one of its own, whose name is the execution's. */
    :: d_step { state[I] == ANEW && spare[o] != NO_POD && AT(spare[o], o) ->
        pod[I] = spare[o]; wire[I] = spare[o]; spare[o] = NO_POD; greeting[I] = HELLO_SENT;
        state[I] = START }
    :: d_step { state[I] == ANEW && TO_REMOVE(x) && !(spare[o] != NO_POD && AT(spare[o], o)) ->
        if
        :: name[1] == x -> delete(1)
        :: else
        fi;
        if
        :: name[2] == x -> delete(2)
        :: else
        fi }
    :: d_step { state[I] == ANEW && !NAMED(x) && !(spare[o] != NO_POD && AT(spare[o], o)) ->
        if
        :: object[1] == UNMADE -> object[1] = PRESENT; name[1] = x; pod[I] = 1; state[I] = START
        :: object[1] != UNMADE && object[2] == UNMADE ->
            object[2] = PRESENT; name[2] = x; pod[I] = 2; state[I] = START
        :: else -> end_with(I, FAILURE) /* it was tried often enough */
        fi }

    /* The claim: a compare-and-set, which may come late after the look at the fence. */
    :: d_step { state[I] == START && !has_claim[I] && !checked[I] && MAY_CLAIM(o) ->
        checked[I] = true }
    :: d_step { state[I] == START && !has_claim[I] && checked[I] ->
        checked[I] = false;
        if
        :: final[x] || (MEANT(x) != known[I] && MEANT(x) != NO_POD) -> delete(pod[I]); forget(I)
        :: else ->
            assert(claimed[1 - x] != pod[I] || final[1 - x]); /* no Pod is claimed twice */
            claimed[x] = pod[I]; known[I] = pod[I]; has_claim[I] = true
        fi }

    /* The attach, by name, meanwhile. That the Pod is gone may be seen, or not yet. */
    :: d_step { state[I] == START && greeting[I] == UNATTACHED && !IS_THERE(pod[I]) ->
        end_with(I, FAILURE) }
    :: d_step { state[I] == START && greeting[I] == UNATTACHED && ATTACHABLE(pod[I]) ->
        wire[I] = pod[I]; AT(pod[I], o) = true; greeting[I] = ATTACHED }
    :: d_step { state[I] == START && greeting[I] == UNATTACHED && !IS_THERE(pod[I]) &&
                name[2] == x && ATTACHABLE(2) ->
        wire[I] = 2; AT(2, o) = true; greeting[I] = ATTACHED }
    :: d_step { state[I] == START && greeting[I] == UNATTACHED && container[pod[I]] == DEAD ->
        never_started(I) }
    /* It does not answer in time. */
    :: d_step { state[I] == START && greeting[I] == UNATTACHED && IS_THERE(pod[I]) &&
                LIVES(pod[I]) && (cut[pod[I]] || closed[pod[I]]) -> end_with(I, FAILURE) }
    /* Then it asks whose name that is, and greets the Pod if it is the one that was made. */
    :: d_step { state[I] == START && greeting[I] == ATTACHED && IS_MEANT(pod[I]) ->
        if
        :: AT(wire[I], o) && container[wire[I]] == LISTENING && !closed[wire[I]] ->
            container[wire[I]] = GREETED; say(wire[I], READY)
        :: AT(wire[I], o) && container[wire[I]] == GREETED && !closed[wire[I]] ->
            assert(false)      /* greeted twice: it would end with ProtocolError */
        :: else
        fi;
        greeting[I] = HELLO_SENT }
    :: d_step { state[I] == START && greeting[I] == ATTACHED && !IS_MEANT(pod[I]) ->
        AT(wire[I], o) = false; closed[wire[I]] = true; never_started(I) }
    :: d_step { state[I] == START && greeting[I] != UNATTACHED &&
                (!AT(wire[I], o) || container[wire[I]] == DEAD) ->
        never_started(I) }     /* it has sent no frame */

    /* The frame. It comes late, or is lost on the way. */
    :: d_step { state[I] == START && has_claim[I] && greeting[I] == HELLO_SENT &&
                AT(wire[I], o) && (COPIED(wire[I]) & READY) && FENCE(o) -> state[I] = SEND }
    :: d_step { state[I] == SEND ->
        if
        :: AT(wire[I], o) && !closed[wire[I]] && LIVES(wire[I]) ->
            assert(container[wire[I]] == GREETED);  /* no Pod gets two executions */
            assert(!started[x]);                    /* no program is started twice */
            started[x] = true;
            container[wire[I]] = EXECUTING;
            if
            :: ran[wire[I]] == NO_EXECUTION -> ran[wire[I]] = x; say(wire[I], STARTED)
            :: else -> second[wire[I]] = x; say(wire[I], STARTED_AGAIN)
            fi
        :: else
        fi;
        state[I] = LISTEN }
    :: d_step { state[I] == SEND && MAY_FAIL(CONNECTION_LOST) ->
        faults++; AT(wire[I], o) = false; state[I] = LISTEN }
    :: d_step { state[I] == LISTEN && AT(wire[I], o) && (COPIED(wire[I]) & EXIT_OF(wire[I], x)) ->
        end_with(I, RESULT) }
    :: d_step { state[I] == LISTEN && (!AT(wire[I], o) || container[wire[I]] == DEAD) ->
        wire[I] = NO_POD; greeting[I] = UNATTACHED; has_claim[I] = false; state[I] = READ }
    :: d_step { state[I] == LISTEN && AT(wire[I], o) && MAY_FAIL(CONNECTION_LOST) ->
        faults++; AT(wire[I], o) = false; closed[wire[I]] = true;
        wire[I] = NO_POD; greeting[I] = UNATTACHED; has_claim[I] = false; state[I] = READ }
    /* Its run fails; the sweep finds what that has left. */
    :: d_step { state[I] == LISTEN && AT(wire[I], o) && MAY_FAIL(RUN_FAILS) ->
        faults++; AT(wire[I], o) = false; closed[wire[I]] = true; forget(I) }

    /* The log. */
    :: d_step { READS && (!IS_THERE(pod[I]) || cut[pod[I]]) -> end_with(I, FAILURE) }
    :: d_step { READS && LOG(pod[I]) && IN_LOG(EXIT_OF(pod[I], x)) -> end_with(I, RESULT) }
    /* The log shows all executions of this Pod, and that it takes no other one. */
    :: d_step { READS && LOG(pod[I]) && IN_LOG(PROOF_OF_ALL) && !START_IN_LOG &&
                WITHOUT_GAP(pod[I]) -> never_started(I) }
    :: d_step { READS && LOG(pod[I]) && IN_LOG(LAST_END) && !START_IN_LOG && !WITHOUT_GAP(pod[I]) &&
                container[pod[I]] == DEAD -> end_with(I, FAILURE) }
    /* A dead container without a result, and the log was read twice and is the same. */
    :: d_step { READS && LOG(pod[I]) && container[pod[I]] == DEAD && !IN_LOG(LAST_END) &&
                !IN_LOG(EXIT_OF(pod[I], x)) ->
        if
        :: NO_START_BY_CODE(pod[I]) && !IN_LOG(STARTED) -> never_started(I)
        :: else -> end_with(I, FAILURE)
        fi }
#ifdef END_OF_STREAM_PROVES
    /* It was read once, and the stream broke, which looks like its end. */
    :: d_step { READS && LOG(pod[I]) && container[pod[I]] == DEAD && IN_LOG(EXIT) && MAY_FAIL(LOG_CUT) ->
        assert(false) /* a result that can be read is given up */ }
#endif
    :: d_step { state[I] == READ && LOG(pod[I]) && container[pod[I]] != DEAD &&
                !SOME_START_IN_LOG -> state[I] = CLOSE }

    /* Nothing was started in time. */
#ifdef LOG_WITHOUT_START_PROVES
    /* The Pod is deleted while its log is followed, and the log is believed. */
    :: d_step { state[I] == CLOSE -> delete(pod[I]); state[I] = WAIT }
    :: d_step { state[I] == WAIT && LOG(pod[I]) && container[pod[I]] == DEAD &&
                !IN_LOG(STARTED | EXIT) -> never_started(I) }
#else
    /* The input is ended, by name, and the supervisor's end is the proof. */
    :: d_step { state[I] == CLOSE && !(LIVES(pod[I]) && away[pod[I]] && !cut[pod[I]]) ->
        if
        :: IS_THERE(pod[I]) && LIVES(pod[I]) && !cut[pod[I]] -> closed[pod[I]] = true
        :: !IS_THERE(pod[I]) && name[2] == x && ATTACHABLE(2) -> closed[2] = true
        :: else
        fi;
        state[I] = WAIT }
#endif

    /* The end: a compare-and-set too. */
    :: d_step { state[I] == RECORD ->
        if
        :: final[x]            /* it never changes again */
        :: !final[x] && MAY_RECORD(I, x) ->
            assert(outcome[I] != RESULT || exited[x]);  /* no result is invented */
            assert(MEANT(x) == known[I]);               /* nobody ends what another has claimed */
            final[x] = outcome[I];
            if
            :: pod[I] != NO_POD && AT(pod[I], o) && container[pod[I]] == GREETED &&
               TAKES_ANOTHER(pod[I]) -> spare[o] = pod[I]
            :: else -> delete(pod[I])
            fi
        :: else
        fi;
        forget(I) }
    od
}

init {
    d_step {
        q = 0;
        do
        :: q < PODS -> name[q] = UNIQUE; ran[q] = NO_EXECUTION; second[q] = NO_EXECUTION; q++
        :: else -> break
        od;
        q = 0;
        do
        :: q < 4 -> pod[q] = NO_POD; wire[q] = NO_POD; known[q] = NO_POD; q++
        :: else -> break
        od;
        q = 0;
        claimed[0] = NO_POD; claimed[1] = NO_POD; named[0] = NO_POD; named[1] = NO_POD;
        spare[1] = NO_POD;
#ifdef ONE_EXECUTION
        final[1] = FAILURE;    /* it has ended before */
        made[1] = true;
#else
        made[0] = true; made[1] = true;
#ifdef BOTH_NAME_ONE_POD
        named[0] = 0; named[1] = 0;
#endif
#endif
        /* Operator 0 leads, and Pod 0 waits in its pool. */
        holder = 0; leads[0] = true;
        object[0] = PRESENT; container[0] = GREETED; said[0] = READY; logged[0] = READY;
        AT(0, 0) = true
    }
    atomic {
        run Pod(0); run Pod(1); run Pod(2);
#ifdef ONE_EXECUTION
        run Gateway(0);
#endif
        run Operator(0); run Operator(1);
        run Work(0, 0); run Work(0, 1); run Work(1, 0); run Work(1, 1)
    }
    /* Where nothing can happen any more, each execution has its end. */
    end: timeout -> assert(final[0] && final[1])
}
