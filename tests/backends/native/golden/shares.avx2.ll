; k0 = loop
declare i64 @llvm.smin.i64(i64, i64)
declare <8 x float> @llvm.masked.load.v8f32.p0(ptr, i32 immarg, <8 x i1>, <8 x float>)
declare void @llvm.masked.store.v8f32.p0(<8 x float>, ptr, i32 immarg, <8 x i1>)
define void @kernel(ptr %args, i64 %tile, ptr %scratch) #0 {
entry:
  %v31 = alloca <8 x float>, align 64
  %v32 = alloca <8 x float>, align 64
  %v33 = alloca <8 x float>, align 64
  %v34 = alloca <8 x float>, align 64
  br label %start
start:
  %t1 = getelementptr inbounds i64, ptr %args, i64 4
  %t2 = load ptr, ptr %t1, align 8
  %t3 = getelementptr inbounds i64, ptr %args, i64 7
  %t4 = load ptr, ptr %t3, align 8
  %t5 = getelementptr inbounds i64, ptr %args, i64 5
  %t6 = load i64, ptr %t5, align 8
  %t7 = getelementptr inbounds i64, ptr %args, i64 6
  %t8 = load i64, ptr %t7, align 8
  %t9 = getelementptr inbounds i64, ptr %args, i64 8
  %t10 = load i64, ptr %t9, align 8
  %t11 = getelementptr inbounds i64, ptr %args, i64 9
  %t12 = load i64, ptr %t11, align 8
  %t13 = getelementptr inbounds i64, ptr %args, i64 2
  %t14 = load i64, ptr %t13, align 8
  %t15 = mul i64 1, %t14
  %t16 = getelementptr inbounds i64, ptr %args, i64 3
  %t17 = load i64, ptr %t16, align 8
  %t18 = getelementptr inbounds i64, ptr %args, i64 0
  %t19 = load i64, ptr %t18, align 8
  %t20 = getelementptr inbounds i64, ptr %args, i64 1
  %t21 = load i64, ptr %t20, align 8
  %t22 = mul i64 %tile, %t19
  %t23 = add i64 %t22, %t19
  %t24 = call i64 @llvm.smin.i64(i64 %t23, i64 %t15)
  %t26 = icmp slt i64 %t22, %t24
  br i1 %t26, label %loop25, label %done25
loop25:
  %i25 = phi i64 [ %t22, %start ], [ %next25, %latch25 ]
  %t27 = mul i64 %i25, %t6
  %t28 = getelementptr inbounds i8, ptr %t2, i64 %t27
  %t29 = mul i64 %i25, %t10
  %t30 = getelementptr inbounds i8, ptr %t4, i64 %t29
  store <8 x float> splat (float 0x0000000000000000), ptr %v31
  store <8 x float> splat (float 0x0000000000000000), ptr %v32
  store <8 x float> splat (float 0x0000000000000000), ptr %v33
  store <8 x float> splat (float 0x0000000000000000), ptr %v34
  %t35 = sub i64 %t17, 0
  %t36 = and i64 %t35, -8
  %t37 = add i64 0, %t36
  %t38 = and i64 %t35, -32
  %t39 = add i64 0, %t38
  %t41 = icmp slt i64 0, %t39
  br i1 %t41, label %loop40, label %done40
loop40:
  %i40 = phi i64 [ 0, %loop25 ], [ %next40, %latch40 ]
  %t42 = add i64 %i40, 0
  %t43 = add i64 %i40, 8
  %t44 = add i64 %i40, 16
  %t45 = add i64 %i40, 24
  %t46 = getelementptr inbounds float, ptr %t28, i64 %t42
  %t47 = load <8 x float>, ptr %t46, align 4
  %t48 = getelementptr inbounds float, ptr %t28, i64 %t43
  %t49 = load <8 x float>, ptr %t48, align 4
  %t50 = getelementptr inbounds float, ptr %t28, i64 %t44
  %t51 = load <8 x float>, ptr %t50, align 4
  %t52 = getelementptr inbounds float, ptr %t28, i64 %t45
  %t53 = load <8 x float>, ptr %t52, align 4
  %t54 = load <8 x float>, ptr %v31
  %t55 = fadd <8 x float> %t54, %t47
  store <8 x float> %t55, ptr %v31
  %t56 = load <8 x float>, ptr %v32
  %t57 = fadd <8 x float> %t56, %t49
  store <8 x float> %t57, ptr %v32
  %t58 = load <8 x float>, ptr %v33
  %t59 = fadd <8 x float> %t58, %t51
  store <8 x float> %t59, ptr %v33
  %t60 = load <8 x float>, ptr %v34
  %t61 = fadd <8 x float> %t60, %t53
  store <8 x float> %t61, ptr %v34
  br label %latch40
latch40:
  %next40 = add nsw i64 %i40, 32
  %again40 = icmp slt i64 %next40, %t39
  br i1 %again40, label %loop40, label %done40, !llvm.loop !0
done40:
  %t63 = icmp slt i64 %t39, %t37
  br i1 %t63, label %loop62, label %done62
loop62:
  %i62 = phi i64 [ %t39, %done40 ], [ %next62, %latch62 ]
  %t64 = getelementptr inbounds float, ptr %t28, i64 %i62
  %t65 = load <8 x float>, ptr %t64, align 4
  %t66 = load <8 x float>, ptr %v31
  %t67 = fadd <8 x float> %t66, %t65
  store <8 x float> %t67, ptr %v31
  %t68 = load <8 x float>, ptr %v31
  %t69 = load <8 x float>, ptr %v32
  %t70 = load <8 x float>, ptr %v33
  %t71 = load <8 x float>, ptr %v34
  store <8 x float> %t69, ptr %v31
  store <8 x float> %t70, ptr %v32
  store <8 x float> %t71, ptr %v33
  store <8 x float> %t68, ptr %v34
  br label %latch62
latch62:
  %next62 = add nsw i64 %i62, 8
  %again62 = icmp slt i64 %next62, %t37
  br i1 %again62, label %loop62, label %done62, !llvm.loop !0
done62:
  %t72 = icmp slt i64 %t37, %t17
  br i1 %t72, label %then73, label %end73
then73:
  %t74 = sub i64 %t17, %t37
  %t75 = insertelement <8 x i64> poison, i64 %t74, i32 0
  %t76 = shufflevector <8 x i64> %t75, <8 x i64> poison, <8 x i32> zeroinitializer
  %t77 = icmp slt <8 x i64> <i64 0, i64 1, i64 2, i64 3, i64 4, i64 5, i64 6, i64 7>, %t76
  %t78 = getelementptr inbounds float, ptr %t28, i64 %t37
  %t79 = call <8 x float> @llvm.masked.load.v8f32.p0(ptr %t78, i32 4, <8 x i1> %t77, <8 x float> splat (float 0x0000000000000000))
  %t80 = load <8 x float>, ptr %v31
  %t81 = fadd <8 x float> %t80, %t79
  %t82 = select <8 x i1> %t77, <8 x float> %t81, <8 x float> %t80
  store <8 x float> %t82, ptr %v31
  %t83 = load <8 x float>, ptr %v31
  %t84 = load <8 x float>, ptr %v32
  %t85 = load <8 x float>, ptr %v33
  %t86 = load <8 x float>, ptr %v34
  store <8 x float> %t84, ptr %v31
  store <8 x float> %t85, ptr %v32
  store <8 x float> %t86, ptr %v33
  store <8 x float> %t83, ptr %v34
  br label %end73
end73:
  %t87 = sub i64 %t17, 0
  %t88 = add i64 %t87, 7
  %t89 = sdiv i64 %t88, 8
  %t90 = and i64 %t89, 1
  %t91 = icmp ne i64 %t90, 0
  %t92 = load <8 x float>, ptr %v31
  %t93 = load <8 x float>, ptr %v32
  %t94 = load <8 x float>, ptr %v33
  %t95 = load <8 x float>, ptr %v34
  %t96 = select i1 %t91, <8 x float> %t95, <8 x float> %t92
  %t97 = select i1 %t91, <8 x float> %t92, <8 x float> %t93
  %t98 = select i1 %t91, <8 x float> %t93, <8 x float> %t94
  %t99 = select i1 %t91, <8 x float> %t94, <8 x float> %t95
  %t100 = fadd <8 x float> %t96, %t97
  %t101 = fadd <8 x float> %t98, %t99
  %t102 = fadd <8 x float> %t100, %t101
  %t103 = shufflevector <8 x float> %t102, <8 x float> %t102, <4 x i32> <i32 0, i32 1, i32 2, i32 3>
  %t104 = shufflevector <8 x float> %t102, <8 x float> %t102, <4 x i32> <i32 4, i32 5, i32 6, i32 7>
  %t105 = fadd <4 x float> %t103, %t104
  %t106 = shufflevector <4 x float> %t105, <4 x float> %t105, <2 x i32> <i32 0, i32 1>
  %t107 = shufflevector <4 x float> %t105, <4 x float> %t105, <2 x i32> <i32 2, i32 3>
  %t108 = fadd <2 x float> %t106, %t107
  %t109 = shufflevector <2 x float> %t108, <2 x float> %t108, <1 x i32> <i32 0>
  %t110 = shufflevector <2 x float> %t108, <2 x float> %t108, <1 x i32> <i32 1>
  %t111 = fadd <1 x float> %t109, %t110
  %t112 = extractelement <1 x float> %t111, i32 0
  %t113 = insertelement <8 x float> poison, float %t112, i32 0
  %t114 = shufflevector <8 x float> %t113, <8 x float> poison, <8 x i32> zeroinitializer
  %t115 = sub i64 %t17, 0
  %t116 = and i64 %t115, -8
  %t117 = add i64 0, %t116
  %t118 = and i64 %t115, -32
  %t119 = add i64 0, %t118
  %t121 = icmp slt i64 0, %t119
  br i1 %t121, label %loop120, label %done120
loop120:
  %i120 = phi i64 [ 0, %end73 ], [ %next120, %latch120 ]
  %t122 = add i64 %i120, 0
  %t123 = add i64 %i120, 8
  %t124 = add i64 %i120, 16
  %t125 = add i64 %i120, 24
  %t126 = getelementptr inbounds float, ptr %t28, i64 %t122
  %t127 = load <8 x float>, ptr %t126, align 4
  %t128 = getelementptr inbounds float, ptr %t28, i64 %t123
  %t129 = load <8 x float>, ptr %t128, align 4
  %t130 = getelementptr inbounds float, ptr %t28, i64 %t124
  %t131 = load <8 x float>, ptr %t130, align 4
  %t132 = getelementptr inbounds float, ptr %t28, i64 %t125
  %t133 = load <8 x float>, ptr %t132, align 4
  %t134 = fdiv <8 x float> %t127, %t114
  %t135 = fdiv <8 x float> %t129, %t114
  %t136 = fdiv <8 x float> %t131, %t114
  %t137 = fdiv <8 x float> %t133, %t114
  %t138 = getelementptr inbounds float, ptr %t30, i64 %t122
  store <8 x float> %t134, ptr %t138, align 4
  %t139 = getelementptr inbounds float, ptr %t30, i64 %t123
  store <8 x float> %t135, ptr %t139, align 4
  %t140 = getelementptr inbounds float, ptr %t30, i64 %t124
  store <8 x float> %t136, ptr %t140, align 4
  %t141 = getelementptr inbounds float, ptr %t30, i64 %t125
  store <8 x float> %t137, ptr %t141, align 4
  br label %latch120
latch120:
  %next120 = add nsw i64 %i120, 32
  %again120 = icmp slt i64 %next120, %t119
  br i1 %again120, label %loop120, label %done120, !llvm.loop !0
done120:
  %t143 = icmp slt i64 %t119, %t117
  br i1 %t143, label %loop142, label %done142
loop142:
  %i142 = phi i64 [ %t119, %done120 ], [ %next142, %latch142 ]
  %t144 = getelementptr inbounds float, ptr %t28, i64 %i142
  %t145 = load <8 x float>, ptr %t144, align 4
  %t146 = fdiv <8 x float> %t145, %t114
  %t147 = getelementptr inbounds float, ptr %t30, i64 %i142
  store <8 x float> %t146, ptr %t147, align 4
  br label %latch142
latch142:
  %next142 = add nsw i64 %i142, 8
  %again142 = icmp slt i64 %next142, %t117
  br i1 %again142, label %loop142, label %done142, !llvm.loop !0
done142:
  %t148 = icmp slt i64 %t117, %t17
  br i1 %t148, label %then149, label %end149
then149:
  %t150 = sub i64 %t17, %t117
  %t151 = insertelement <8 x i64> poison, i64 %t150, i32 0
  %t152 = shufflevector <8 x i64> %t151, <8 x i64> poison, <8 x i32> zeroinitializer
  %t153 = icmp slt <8 x i64> <i64 0, i64 1, i64 2, i64 3, i64 4, i64 5, i64 6, i64 7>, %t152
  %t154 = getelementptr inbounds float, ptr %t28, i64 %t117
  %t155 = call <8 x float> @llvm.masked.load.v8f32.p0(ptr %t154, i32 4, <8 x i1> %t153, <8 x float> splat (float 0x0000000000000000))
  %t156 = fdiv <8 x float> %t155, %t114
  %t157 = getelementptr inbounds float, ptr %t30, i64 %t117
  call void @llvm.masked.store.v8f32.p0(<8 x float> %t156, ptr %t157, i32 4, <8 x i1> %t153)
  br label %end149
end149:
  br label %latch25
latch25:
  %next25 = add nsw i64 %i25, 1
  %again25 = icmp slt i64 %next25, %t24
  br i1 %again25, label %loop25, label %done25, !llvm.loop !0
done25:
  ret void
}

attributes #0 = { nounwind "prefer-vector-width"="256" "no-trapping-math"="true" }
attributes #1 = { noinline nounwind "prefer-vector-width"="256" "no-trapping-math"="true" }
!0 = distinct !{!0, !1}
!1 = !{!"llvm.loop.unroll.disable"}