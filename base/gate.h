/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * gate.h - many pass without a lock; now and then one closes the gate, and is alone.
 *
 * Those inside are counted in lanes, by thread, so that threads do not wait for each other's cache
 * lines either. Who closes the gate says so first, and then looks at the lanes; who enters counts
 * first, and then looks at the gate: so one of the two sees the other. A thread that is inside may
 * enter once more: the gate does not stay closed while anybody is inside. So a stream of callers
 * without a gap keeps it open, as they keep a lock for reading.
 */
#ifndef SEALDEX_BASE_GATE_H
#define SEALDEX_BASE_GATE_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#define GATE_LANES 8

typedef struct gate_lane {
  atomic_uint inside;
  uint8_t apart[60];
} gate_lane;

typedef struct gate {
  gate_lane lanes[GATE_LANES];
  atomic_bool closed;
  atomic_uint waiting; /* to close it */
  pthread_mutex_t mutex;
  pthread_cond_t changed;
} gate;

void gate_init(gate *g);
void gate_destroy(gate *g);
void gate_enter(gate *g);
void gate_leave(gate *g); /* by the thread that entered */
/* Waits until nobody is inside, and keeps everybody out until gate_open. Not for a thread that is
 * inside. */
void gate_close(gate *g);
/* False where somebody is inside, or has closed it. */
bool gate_try_close(gate *g);
void gate_open(gate *g);

#endif
