/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef DIAGNOSE_WORDS_H
#define DIAGNOSE_WORDS_H

#include "judge/evidence.h"

void diagnose_words(struct evidence *evidence);

#endif
