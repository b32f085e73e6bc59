#include "textflag.h"

// func compareWide(pairs, wanted *pair, n int, begins *uint32, j0 uint32, few, many, beyond *uint32) (found, after int)
//
// R13 begin, R14 hi, R15 the window, then scratch; DX j0 + k, CX j0 + n;
// AX found, BX after.
TEXT ·compareWide(SB), NOSPLIT, $0-80
	MOVQ pairs+0(FP), SI
	MOVQ wanted+8(FP), DI
	MOVQ n+16(FP), CX
	MOVQ begins+24(FP), R8
	MOVL j0+32(FP), DX
	MOVQ few+40(FP), R10
	MOVQ many+48(FP), R11
	MOVQ beyond+56(FP), R12
	ADDL DX, CX
	XORL AX, AX
	XORL BX, BX

next:
	CMPL DX, CX
	JAE  done
	MOVL (R8), R13
	ADDQ $4, R8
	MOVQ (DI), R14
	VPBROADCASTQ (DI), Y0
	ADDQ $16, DI
	MOVQ R13, R15
	SHLQ $4, R15
	ADDQ SI, R15

	// Eight pairs: the high words are the even lanes, what the odd ones say is
	// masked out.
	VPCMPEQQ 0(R15), Y0, Y1
	VPCMPEQQ 32(R15), Y0, Y2
	VPCMPEQQ 64(R15), Y0, Y3
	VPCMPEQQ 96(R15), Y0, Y4

	// The last of them below what is wanted: it may come after.
	CMPQ 112(R15), R14
	MOVL DX, (R12)(BX*4)
	ADCQ $0, BX

	VMOVMSKPD Y1, R9
	VMOVMSKPD Y2, R15
	SHLL $4, R15
	ORL  R15, R9
	VMOVMSKPD Y3, R15
	SHLL $8, R15
	ORL  R15, R9
	VMOVMSKPD Y4, R15
	SHLL $12, R15
	ORL  R15, R9
	ANDL $0x5555, R9

	// The first that is equal, written whether there is one or not.
	TZCNTL R9, R15
	SHRL $1, R15
	ADDL R13, R15
	MOVL DX, (R10)(AX*4)
	MOVL R15, (R11)(AX*4)
	NEGL R9
	ADCQ $0, AX
	INCL DX
	JMP  next

done:
	VZEROUPPER
	MOVQ AX, found+64(FP)
	MOVQ BX, after+72(FP)
	RET
