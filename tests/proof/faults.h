/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * faults.h - the n-th call of a kind fails, or is the last thing that the process does.
 *
 * Stands before libc and liblmdb in the program that links it; calls pass through unless armed. One
 * thread.
 */
#ifndef SEALDEX_PROOF_FAULTS_H
#define SEALDEX_PROOF_FAULTS_H

typedef enum fault_kind {
  FAULT_WRITE,  /* writes, syncs, truncations, renames and removals of files fail; writes half done
                 */
  FAULT_KILL,   /* kill -9 at one of those, with the write half done */
  FAULT_LMDB,   /* calls of LMDB fail: no memory, an input error, a full map, by turns */
  FAULT_MALLOC, /* memory runs out; without sanitizers only */
  FAULT_KINDS
} fault_kind;
extern const char *const fault_names[FAULT_KINDS];

/* Lets call number n (from 0) fail; below 0: counts only. */
void fault_arm(fault_kind kind, long n);
/* Returns how many calls there were. */
long fault_disarm(void);

/* Snapshots of the store that are held now: transactions for reading, begun or renewed, that are
 * neither over nor reset. */
long fault_snapshots(void);

#endif
